internal import SluiceFormats

/// A JSON value as a tree, read leniently: what is missing or of another kind is nothing.
enum JSONValue {
  case scalar(JSONScalar)
  case list([JSONValue])
  case map([String: JSONValue])

  /// The largest file that is read.
  static let byteLimit = 256 << 20

  /// Reads a file.
  static func read(_ path: String) throws(FormatError) -> JSONValue {
    let bytes = try InputFile.contents(of: path, byteLimit: byteLimit)
    var result: Result<JSONValue, FormatError>?
    // SAFETY: the scanner is used inside the closure only.
    unsafe bytes.withUnsafeBytes { text in
      result = Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(text, file: path)
        let value = try JSONValue(&scanner)
        try scanner.end()
        return value
      }
    }
    guard let result else { return .list([]) }
    return try result.get()
  }

  init(_ scanner: inout JSONScanner) throws(FormatError) {
    switch try scanner.kind() {
    case .object:
      var map: [String: JSONValue] = [:]
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        map[scanner.string(of: key)] = try JSONValue(&scanner)
      }
      self = .map(map)
    case .array:
      var list: [JSONValue] = []
      try scanner.beginArray()
      while try scanner.nextElement() { list.append(try JSONValue(&scanner)) }
      self = .list(list)
    default: self = .scalar(try scanner.scalar())
    }
  }

  subscript(key: String) -> JSONValue? { if case .map(let map) = self { map[key] } else { nil } }

  /// The members of a map.
  var members: [String: JSONValue] { if case .map(let map) = self { map } else { [:] } }
  /// The elements of a list; none of anything else.
  var list: [JSONValue] { if case .list(let list) = self { list } else { [] } }
  /// The text; empty of anything else.
  var text: String { if case .scalar(.string(let text)) = self { text } else { "" } }

  /// Whether it is true.
  var isTrue: Bool { if case .scalar(.bool(let isTrue)) = self { isTrue } else { false } }

  /// The number; nil of anything else.
  ///
  /// Numbers of bytes and elements are exact up to 2^53.
  var number: Double? {
    guard case .scalar(let scalar) = self else { return nil }
    return switch scalar {
    case .integer(let number): Double(number)
    case .unsignedInteger(let number): Double(number)
    case .double(let number): number.isFinite ? number : nil
    default: nil
    }
  }

  /// The numbers of a list; nil where an element is none.
  var numbers: [Double?] { list.map(\.number) }
}
