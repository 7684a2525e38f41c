internal import SluiceRecipe
internal import SluiceFormats

/// A small JSON value as a tree, for files of our own: of few values, with numbers that can be
/// worked with.
enum JSONTree: Sendable {
  case scalar(JSONScalar)
  case list([JSONTree])
  case map([String: JSONTree])

  /// How many values a tree may have.
  private static let valueLimit = 1 << 16
  /// No number is larger: two can be added, and all are exact as a Double.
  private static let numberLimit = 1 << 53

  init(_ scanner: inout JSONScanner) throws(FormatError) {
    var room = JSONTree.valueLimit
    try self.init(&scanner, &room)
  }

  private init(_ scanner: inout JSONScanner, _ room: inout Int) throws(FormatError) {
    guard room > 0 else { throw scanner.foreign("more than \(JSONTree.valueLimit) values") }
    room -= 1
    switch try scanner.kind() {
    case .object:
      var map: [String: JSONTree] = [:]
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        map[scanner.string(of: key)] = try JSONTree(&scanner, &room)
      }
      self = .map(map)
    case .array:
      var list: [JSONTree] = []
      try scanner.beginArray()
      while try scanner.nextElement() { list.append(try JSONTree(&scanner, &room)) }
      self = .list(list)
    default:
      let scalar = try scanner.scalar()
      guard JSONTree.isUsable(scalar) else {
        throw scanner.foreign("a number beyond what any run does")
      }
      self = .scalar(scalar)
    }
  }

  /// Whether a number is one that a run may have counted or measured; -1 stands for unknown.
  private static func isUsable(_ scalar: JSONScalar) -> Bool {
    switch scalar {
    case .integer(let number): (-1...numberLimit).contains(number)
    case .unsignedInteger: false
    case .double(let number): number >= -1 && number <= Double(numberLimit)
    default: true
    }
  }

  subscript(key: String) -> JSONTree? { if case .map(let map) = self { map[key] } else { nil } }
  var list: [JSONTree] { if case .list(let list) = self { list } else { [] } }
  var text: String { if case .scalar(.string(let text)) = self { text } else { "" } }
  var flag: Bool { if case .scalar(.bool(let flag)) = self { flag } else { false } }
  var integer: Int { if case .scalar(.integer(let number)) = self { number } else { 0 } }

  /// The number where something is counted.
  var count: Int { max(integer, 0) }

  var double: Double {
    switch self {
    case .scalar(.double(let number)): max(number, 0)
    case .scalar(.integer(let number)): max(Double(number), 0)
    default: 0
    }
  }
}

extension JSONScanner {
  /// An error about a file of ours that breaks a rule which all of ours keep.
  func foreign(_ message: String) -> FormatError {
    refusal(message, remedy: "The file is damaged, or sluice did not write it.")
  }
}
