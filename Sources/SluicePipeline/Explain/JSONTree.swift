internal import SluiceFormats

/// A small JSON value as a tree, for files of our own.
enum JSONTree: Sendable {
  case scalar(JSONScalar)
  case list([JSONTree])
  case map([String: JSONTree])

  init(_ scanner: inout JSONScanner) throws(FormatError) {
    switch try scanner.kind() {
    case .object:
      var map: [String: JSONTree] = [:]
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        map[scanner.string(of: key)] = try JSONTree(&scanner)
      }
      self = .map(map)
    case .array:
      var list: [JSONTree] = []
      try scanner.beginArray()
      while try scanner.nextElement() { list.append(try JSONTree(&scanner)) }
      self = .list(list)
    default: self = .scalar(try scanner.scalar())
    }
  }

  subscript(key: String) -> JSONTree? { if case .map(let map) = self { map[key] } else { nil } }
  var list: [JSONTree] { if case .list(let list) = self { list } else { [] } }
  var text: String { if case .scalar(.string(let text)) = self { text } else { "" } }
  var flag: Bool { if case .scalar(.bool(let flag)) = self { flag } else { false } }
  var integer: Int { if case .scalar(.integer(let number)) = self { number } else { 0 } }

  var double: Double {
    switch self {
    case .scalar(.double(let number)): number
    case .scalar(.integer(let number)): Double(number)
    default: 0
    }
  }
}
