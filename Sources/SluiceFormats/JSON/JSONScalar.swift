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
  /// Writes a member of an object.
  package mutating func member(_ key: String, _ value: JSONScalar) {
    self.key(key)
    self.value(value)
  }

  /// Writes a member of an object.
  package mutating func member(_ key: String, _ value: String) { member(key, .string(value)) }

  /// Writes a member of an object.
  package mutating func member(_ key: String, _ value: Int) { member(key, .integer(value)) }

  /// Writes a member of an object.
  package mutating func member(_ key: String, _ value: Double) { member(key, .double(value)) }

  /// Writes a member of an object.
  package mutating func member(_ key: String, _ value: Bool) { member(key, .bool(value)) }

  /// Writes a member that is an array of whole numbers, on one line.
  package mutating func list(_ key: String, integers: [Int]) {
    self.key(key)
    beginArray(isOnOneLine: true)
    for integer in integers { self.integer(integer) }
    endArray()
  }

  mutating func append(_ scalar: JSONScalar) {
    switch scalar {
    case .string(let value): appendQuoted(value)
    case .integer(let value): buffer.append(decimal: value)
    case .unsignedInteger(let value): buffer.append(decimal: value)
    case .double(let value): appendPlain(value.isFinite ? value.description : "null")
    case .float(let value): appendPlain(value.isFinite ? value.description : "null")
    case .bool(let value): appendPlain(value ? "true" : "false")
    case .null: appendPlain("null")
    }
  }

  private mutating func appendPlain(_ text: String) {
    var text = text
    // Safety: the bytes are used inside the closure only.
    text.withUTF8 { bytes in unsafe buffer.append(contentsOf: bytes) }
  }

  mutating func appendQuoted(_ text: String) {
    buffer.append(UInt8(ascii: "\""))
    var text = text
    // Safety: the bytes are used inside the closure only.
    let isPlain = text.withUTF8 { bytes in
      guard unsafe bytes.allSatisfy(JSONWriter.isPlain) else { return false }
      unsafe buffer.append(contentsOf: bytes)
      return true
    }
    if !isPlain { appendEscaped(text) }
    buffer.append(UInt8(ascii: "\""))
  }

  /// Whether a byte stands in JSON as it is.
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private mutating func appendEscaped(_ text: String) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        buffer.append(UInt8(ascii: "\\"))
        buffer.append(byte)
      case 0x08: buffer.append(contentsOf: "\\b".utf8)
      case 0x09: buffer.append(contentsOf: "\\t".utf8)
      case 0x0A: buffer.append(contentsOf: "\\n".utf8)
      case 0x0C: buffer.append(contentsOf: "\\f".utf8)
      case 0x0D: buffer.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        let digits = String(byte, radix: 16)
        buffer.append(contentsOf: (byte < 16 ? "\\u000" : "\\u00").utf8)
        buffer.append(contentsOf: digits.utf8)
      default: buffer.append(byte)
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
