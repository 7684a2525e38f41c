/// A number in JSON text that has been checked but not yet converted.
struct JSONNumber {
  let range: Range<Int>
  let isNegative: Bool
  /// Whether neither a fraction nor an exponent occurs: `4e0` is no integer here.
  let isInteger: Bool
}

extension JSONScanner {
  /// Reads an integer without sign, fraction or exponent.
  ///
  /// - Returns: The exact value.
  /// - Throws: If the next value is anything else, or does not fit.
  package mutating func unsignedInteger() throws(FormatError) -> UInt64 {
    let number = try number()
    guard number.isInteger, !number.isNegative else {
      throw malformed("expected an integer that is not negative", at: number.range.lowerBound)
    }
    guard let value = magnitude(number) else {
      throw malformed("an integer above 64 bits", at: number.range.lowerBound)
    }
    return value
  }

  /// Reads an integer without fraction or exponent.
  ///
  /// - Returns: The exact value.
  /// - Throws: If the next value is anything else, or does not fit.
  package mutating func integer() throws(FormatError) -> Int {
    let number = try number()
    guard number.isInteger else {
      throw malformed("expected an integer", at: number.range.lowerBound)
    }
    guard let value = signedValue(number) else {
      throw malformed("an integer above 64 bits", at: number.range.lowerBound)
    }
    return value
  }

  /// Reads a number.
  ///
  /// - Returns: The nearest Double.
  /// - Throws: If the next value is no number, or is beyond the range of a Double.
  package mutating func double() throws(FormatError) -> Double {
    let number = try number()
    let range = number.range
    if byte(at: range.upperBound - 1) == UInt8(ascii: "N") { return .nan }
    if byte(at: range.upperBound - 1) == UInt8(ascii: "y") {
      return number.isNegative ? -.infinity : .infinity
    }
    // Safety: the range was found below the length by `number()`.
    let digits = unsafe String(
      decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    guard let value = Double(digits), value.isFinite else {
      throw malformed("a number beyond the range of a Double", at: range.lowerBound)
    }
    return value
  }

  mutating func number() throws(FormatError) -> JSONNumber {
    skipWhitespace()
    let start = offset
    let isNegative = current == UInt8(ascii: "-")
    if isNegative { offset += 1 }
    if acceptsPythonNumbers, accept("Infinity") || (!isNegative && accept("NaN")) {
      return JSONNumber(range: start..<offset, isNegative: isNegative, isInteger: false)
    }
    if current == UInt8(ascii: "0") {
      offset += 1
      if isDigit(current) { throw malformed("a number with a leading zero", at: start) }
    } else if skipDigits() == 0 {
      throw unexpected(isNegative ? "a digit" : "a number")
    }
    var isInteger = true
    if current == UInt8(ascii: ".") {
      isInteger = false
      offset += 1
      if skipDigits() == 0 { throw unexpected("a digit") }
    }
    if current | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      offset += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { offset += 1 }
      if skipDigits() == 0 { throw unexpected("a digit") }
    }
    return JSONNumber(range: start..<offset, isNegative: isNegative, isInteger: isInteger)
  }

  private func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }

  private mutating func skipDigits() -> Int {
    let start = offset
    while isDigit(current) { offset += 1 }
    return offset - start
  }

  /// The exact value of an integer, or nil if it is none or does not fit.
  func signedValue(_ number: JSONNumber) -> Int? {
    guard let magnitude = magnitude(number) else { return nil }
    guard number.isNegative else { return Int(exactly: magnitude) }
    return magnitude <= Int.min.magnitude ? Int(truncatingIfNeeded: 0 &- magnitude) : nil
  }

  /// The exact value of an integer without its sign, or nil if it is none or does not fit.
  func magnitude(_ number: JSONNumber) -> UInt64? {
    guard number.isInteger else { return nil }
    var value: UInt64 = 0
    let start = number.range.lowerBound + (number.isNegative ? 1 : 0)
    for position in start..<number.range.upperBound {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(
        UInt64(byte(at: position) - UInt8(ascii: "0")))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value
  }
}
