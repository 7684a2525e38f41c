extension [UInt8] {
  /// Appends the decimal digits of a number, without a text in between: headers and reports hold many.
  ///
  /// - Parameter number: The number.
  package mutating func append(decimal number: UInt64) {
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var first = digits.count
    var rest = number
    repeat {
      first -= 1
      digits[first] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    for position in first..<digits.count { append(digits[position]) }
  }

  /// Appends the decimal digits of a number, after a sign if it is negative.
  ///
  /// - Parameter number: The number.
  package mutating func append(decimal number: Int) {
    if number < 0 { append(UInt8(ascii: "-")) }
    append(decimal: UInt64(number.magnitude))
  }
}
