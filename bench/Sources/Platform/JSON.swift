/// A JSON value.
///
/// Members keep the order in which they were added.
public indirect enum JSON: Hashable, Sendable {
  /// The absent value.
  case null
  /// True or false.
  case bool(Bool)
  /// A number without a fraction.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// Text.
  case string(String)
  /// A list.
  case array([JSON])
  /// An object, as pairs.
  case object([Member])

  /// One pair of an object.
  public struct Member: Hashable, Sendable {
    /// The key.
    public let key: String
    /// The value.
    public let value: JSON

    /// Makes a pair.
    /// - Parameters:
    ///   - key: the key.
    ///   - value: the value.
    public init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// The value of a key, nil where this is no object or has no such key.
  public subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key == key }?.value
  }

  /// The number as an integer, nil where it is none.
  public var integerValue: Int? {
    switch self {
    case .integer(let value): value
    case .number(let value): Int(exactly: value)
    default: nil
    }
  }

  /// The number, nil where this is none.
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  /// The text, nil where this is none.
  public var stringValue: String? {
    guard case .string(let value) = self else { return nil }
    return value
  }

  /// The items of a list, none where this is no list.
  public var items: [JSON] {
    guard case .array(let items) = self else { return [] }
    return items
  }

  /// The members of an object, none where this is no object.
  public var members: [Member] {
    guard case .object(let members) = self else { return [] }
    return members
  }

  /// The value as text on several lines, with a line feed at the end.
  public var text: String {
    var out = ""
    write(to: &out, indent: "", pretty: true)
    return out + "\n"
  }

  /// The value as text without spaces.
  public var compactText: String {
    var out = ""
    write(to: &out, indent: "", pretty: false)
    return out
  }

  private func write(to out: inout String, indent: String, pretty: Bool) {
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .integer(let value): out += String(value)
    // JSON has no word for infinity; a ratio to nothing is simply not there.
    case .number(let value): out += value.isFinite ? "\(value)" : "null"
    case .string(let value): out += JSON.quoted(value)
    case .array(let values):
      JSON.writeList(values, "[", "]", &out, indent, pretty) { value, out, deeper in
        value.write(to: &out, indent: deeper, pretty: pretty)
      }
    case .object(let members):
      JSON.writeList(members, "{", "}", &out, indent, pretty) { member, out, deeper in
        out += JSON.quoted(member.key) + (pretty ? ": " : ":")
        member.value.write(to: &out, indent: deeper, pretty: pretty)
      }
    }
  }

  private static func writeList<Item>(
    _ items: [Item], _ open: String, _ close: String, _ out: inout String, _ indent: String,
    _ pretty: Bool, _ writeItem: (Item, inout String, String) -> Void
  ) {
    let deeper = indent + "  "
    out += open
    for (number, item) in items.enumerated() {
      if number > 0 { out += "," }
      if pretty { out += "\n" + deeper }
      writeItem(item, &out, deeper)
    }
    if pretty && !items.isEmpty { out += "\n" + indent }
    out += close
  }

  private static func quoted(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\t": out += "\\t"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out + "\""
  }
}
