/// A JSON value as a tree: for files of our own, read leniently, so that what is missing or of another
/// kind is nothing.
package enum JSONTree: Sendable {
  /// A number, a text, true, false or null.
  case scalar(JSONScalar)
  /// A list.
  case list([JSONTree])
  /// An object.
  case map([String: JSONTree])

  /// What a tree may hold.
  package struct Limits: Sendable {
    /// How many values there may be.
    package var valueCount: Int
    /// Whether a number that no run counts or measures is refused; -1 stands for unknown.
    package var isOfRun: Bool

    /// Of a part of a file whose numbers are worked with.
    package static let ofRun = Limits(valueCount: 1 << 16, isOfRun: true)
    /// Of a file that is shown as it is.
    package static let none = Limits(valueCount: .max, isOfRun: false)
  }

  /// No count is larger: two can be added, and all are exact as a Double.
  private static let countLimit = 1 << 53

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - byteLimit: Longer files are refused.
  /// - Returns: What it says.
  /// - Throws: If it cannot be read, or is not JSON.
  package static func read(_ path: String, byteLimit: Int) throws(FormatError) -> JSONTree {
    let bytes = try InputFile.contents(of: path, byteLimit: byteLimit)
    // SAFETY: the scanner is used inside the closure only.
    let result = unsafe bytes.withUnsafeBytes { text in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(text, file: path)
        let tree = try JSONTree(&scanner)
        try scanner.end()
        return tree
      }
    }
    return try result.get()
  }

  /// Reads the value that a scanner stands before.
  package init(_ scanner: inout JSONScanner, _ limits: Limits = .none) throws(FormatError) {
    var room = limits.valueCount
    try self.init(&scanner, limits, &room)
  }

  private init(
    _ scanner: inout JSONScanner, _ limits: Limits, _ room: inout Int
  ) throws(FormatError) {
    guard room > 0 else { throw scanner.foreign("more than \(limits.valueCount) values") }
    room -= 1
    switch try scanner.kind() {
    case .object:
      var map: [String: JSONTree] = [:]
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        map[scanner.string(of: key)] = try JSONTree(&scanner, limits, &room)
      }
      self = .map(map)
    case .array:
      var list: [JSONTree] = []
      try scanner.beginArray()
      while try scanner.nextElement() { list.append(try JSONTree(&scanner, limits, &room)) }
      self = .list(list)
    default:
      let scalar = try scanner.scalar()
      guard !limits.isOfRun || JSONTree.isOfRun(scalar) else {
        throw scanner.foreign("a number beyond what any run does")
      }
      self = .scalar(scalar)
    }
  }

  private static func isOfRun(_ scalar: JSONScalar) -> Bool {
    switch scalar {
    case .integer(let number): (-1...countLimit).contains(number)
    case .unsignedInteger: false
    case .double(let number): number >= -1 && number <= Double(countLimit)
    default: true
    }
  }

  /// A member of an object.
  package subscript(key: String) -> JSONTree? {
    if case .map(let map) = self { map[key] } else { nil }
  }

  /// The members of an object; none of anything else.
  package var members: [String: JSONTree] { if case .map(let map) = self { map } else { [:] } }
  /// The elements of a list; none of anything else.
  package var list: [JSONTree] { if case .list(let list) = self { list } else { [] } }
  /// The text; empty of anything else.
  package var text: String { if case .scalar(.string(let text)) = self { text } else { "" } }
  /// Whether it is true.
  package var flag: Bool { if case .scalar(.bool(true)) = self { true } else { false } }

  /// The number, exact up to 2^53; nil of anything else.
  package var number: Double? {
    guard case .scalar(let scalar) = self else { return nil }
    return switch scalar {
    case .integer(let number): Double(number)
    case .unsignedInteger(let number): Double(number)
    case .double(let number): number.isFinite ? number : nil
    default: nil
    }
  }

  /// The numbers of a list; nil where an element is none.
  package var numbers: [Double?] { list.map(\.number) }

  /// The number where something is measured: 0 where there is none, or a negative one.
  package var double: Double { max(number ?? 0, 0) }

  /// The number where something is counted: 0 where there is none, or a negative one.
  package var count: Int { max(integer, 0) }

  /// The integer, at most 2^53 either way; 0 where there is none.
  package var integer: Int {
    guard case .scalar(.integer(let number)) = self else { return 0 }
    return min(max(number, -JSONTree.countLimit), JSONTree.countLimit)
  }
}
