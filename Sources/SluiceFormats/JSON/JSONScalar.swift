internal import SluiceCore

/// A JSON value that holds no others.
package enum JSONScalar: Sendable, Hashable {
  case string(String)
  case integer(Int)
  case unsignedInteger(UInt64)
  /// Written in the shortest form that reads back as the same Double; `null` if it is not finite,
  /// since JSON has no word for that.
  case double(Double)
  /// Written in the shortest form that reads back as the same Float; `null` if it is not finite.
  case float(Float)
  case bool(Bool)
  case null
}

extension JSONScalar: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  /// A string.
  package init(stringLiteral value: String) { self = .string(value) }
  /// An integer.
  package init(integerLiteral value: Int) { self = .integer(value) }
  /// A number.
  package init(floatLiteral value: Double) { self = .double(value) }
  /// A truth value.
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  /// The value `null`.
  package init(nilLiteral: ()) { self = .null }
}

extension JSONWriter {
  /// Writes a scalar.
  package mutating func value(_ value: JSONScalar) {
    startValue()
    append(value)
    endValue()
  }

  /// Writes a whole number.
  package mutating func value(_ value: Int) {
    startValue()
    text.append(decimal: value)
    endValue()
  }

  /// Writes a number, as `JSONScalar.double` says.
  package mutating func value(_ value: Double) {
    startValue()
    append(value)
    endValue()
  }

  /// Writes a number, as `JSONScalar.float` says.
  package mutating func value(_ value: Float) {
    startValue()
    append(value)
    endValue()
  }

  /// Writes a string.
  package mutating func value(_ value: String) {
    startValue()
    appendQuoted(value)
    endValue()
  }

  /// Writes a member of an object.
  package mutating func member(_ key: StaticString, _ value: JSONScalar) {
    self.key(key)
    self.value(value)
  }

  /// Writes a member of an object whose key is not known before.
  package mutating func member(named key: String, _ value: JSONScalar) {
    self.key(named: key)
    self.value(value)
  }

  /// Writes a member of an object.
  package mutating func member(_ key: StaticString, _ value: String) {
    self.key(key)
    self.value(value)
  }

  /// Writes a member of an object.
  package mutating func member(_ key: StaticString, _ value: Int) {
    self.key(key)
    self.value(value)
  }

  /// Writes a member of an object.
  package mutating func member(_ key: StaticString, _ value: Double) {
    self.key(key)
    self.value(value)
  }

  /// Writes a member of an object.
  package mutating func member(_ key: StaticString, _ value: Float) {
    self.key(key)
    self.value(value)
  }

  /// Writes a member of an object.
  package mutating func member(_ key: StaticString, _ value: Bool) { member(key, .bool(value)) }

  /// Writes a member that is an array.
  ///
  /// - Parameters:
  ///   - key: The key.
  ///   - isOnOneLine: Whether it stands on one line, as it does in what stands on one.
  ///   - body: Writes the elements.
  package mutating func array(
    _ key: StaticString, isOnOneLine: Bool = false, _ body: (inout JSONWriter) -> Void
  ) {
    self.key(key)
    beginArray(isOnOneLine: isOnOneLine)
    body(&self)
    endArray()
  }

  /// Writes a member that is an array of scalars, on one line.
  package mutating func list(_ key: StaticString, _ values: [JSONScalar]) {
    array(key, isOnOneLine: true) { for value in values { $0.value(value) } }
  }

  /// Writes a member that is an array of whole numbers, on one line.
  package mutating func list(_ key: StaticString, integers: [Int]) {
    array(key, isOnOneLine: true) { for integer in integers { $0.value(integer) } }
  }

  mutating func append(_ scalar: JSONScalar) {
    switch scalar {
    case .string(let value): appendQuoted(value)
    case .integer(let value): text.append(decimal: value)
    case .unsignedInteger(let value): text.append(decimal: value)
    case .double(let value): append(value)
    case .float(let value): append(value)
    case .bool(let value): text.append(value ? "true" : "false" as String)
    case .null: text.append("null" as StaticString)
    }
  }

  mutating func append(_ value: some BinaryFloatingPoint & TextOutputStreamable) {
    guard value.isFinite else { return text.append("null" as StaticString) }
    text.append(value)
  }

  mutating func appendQuoted(_ string: String) {
    text.append(UInt8(ascii: "\""))
    var string = string
    // Safe: the bytes are used inside the closure only.
    let isPlain = string.withUTF8 { bytes in
      // All are looked at, sixteen and more at a time, as hardly any text has to be escaped.
      var special: UInt8 = 0
      for index in bytes.indices {
        unsafe special |= JSONWriter.isPlain(bytes[index]) ? 0 : 1
      }
      guard special == 0 else { return false }
      unsafe text.append(bytes)
      return true
    }
    if !isPlain { appendEscaped(string) }
    text.append(UInt8(ascii: "\""))
  }

  /// Whether a byte stands in JSON as it is.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func appendEscaped(_ string: String) {
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        text.append(UInt8(ascii: "\\"))
        text.append(byte)
      case 0x08: text.append("\\b" as StaticString)
      case 0x09: text.append("\\t" as StaticString)
      case 0x0A: text.append("\\n" as StaticString)
      case 0x0C: text.append("\\f" as StaticString)
      case 0x0D: text.append("\\r" as StaticString)
      case 0..<0x20:
        text.append(byte < 16 ? "\\u000" : "\\u00" as String)
        text.append(String(byte, radix: 16))
      default: text.append(byte)
      }
    }
  }
}

extension JSONScanner {
  /// Reads a value that holds no others.
  ///
  /// - Returns: The value; an integer is exact where it fits 64 bits, a Double otherwise.
  /// - Throws: If the next value is an object, an array, or not valid.
  package mutating func scalar() throws(FormatError) -> JSONScalar {
    switch try kind() {
    case .string: return .string(try string())
    case .bool: return .bool(try bool())
    case .null:
      try null()
      return .null
    case .number:
      let start = offset
      let number = try number()
      if let value = signedValue(number) { return .integer(value) }
      if !number.isNegative, let value = magnitude(number) { return .unsignedInteger(value) }
      offset = start
      return .double(try double())
    case .array, .object: throw unexpected("a single value")
    }
  }
}
