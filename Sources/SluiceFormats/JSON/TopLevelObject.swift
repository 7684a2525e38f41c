/// A JSON object whose own members can be read and replaced, with all other bytes kept as they are:
/// a `config.json` that differs from the original in one value only.
///
/// Members of inner objects are checked but not reached. Numbers that Python writes and JSON does
/// not know (`Infinity`) are accepted. Of a key that occurs twice the last counts, as in Python.
package struct TopLevelObject: Sendable, Hashable {
  /// The text.
  package private(set) var bytes: [UInt8]

  private struct Member: Hashable {
    let key: String
    /// With its quotes.
    let keyRange: Range<Int>
    let value: Range<Int>
  }

  private let file: String?
  private var members: [Member] = []
  /// Where the closing brace is.
  private var end = 0

  /// Reads and checks a text.
  package init(_ bytes: [UInt8], file: String? = nil) throws(FormatError) {
    self.bytes = bytes
    self.file = file
    try scan()
  }

  /// The keys in the order of the text.
  package var keys: [String] { members.map(\.key) }

  /// Whether there is a member of a key.
  package func contains(_ key: String) -> Bool { member(key) != nil }

  /// The value of a key where it holds no others.
  ///
  /// - Parameter key: The key.
  /// - Returns: The value; nil if there is none, or if it is an object or array.
  package subscript(key: String) -> JSONScalar? {
    guard let range = member(key)?.value else { return nil }
    // Safety: the text outlives the scanner.
    return unsafe bytes[range].withUnsafeBytes { text in
      var scanner = unsafe JSONScanner(text, acceptsPythonNumbers: true)
      return try? scanner.scalar()
    }
  }

  /// The string of a key.
  package func string(_ key: String) -> String? {
    if case .string(let value) = self[key] { value } else { nil }
  }

  /// The integer of a key.
  package func integer(_ key: String) -> Int? {
    if case .integer(let value) = self[key] { value } else { nil }
  }

  /// The truth value of a key.
  package func bool(_ key: String) -> Bool? {
    if case .bool(let value) = self[key] { value } else { nil }
  }

  /// Replaces the value of a key, or adds a member after the last, in the same layout.
  package mutating func set(_ key: String, to value: JSONScalar) {
    set(key, toText: JSONWriter.bytes { $0.value(value) })
  }

  private mutating func set(_ key: String, toText text: [UInt8]) {
    if let range = member(key)?.value {
      bytes.replaceSubrange(range, with: text)
    } else {
      let name = JSONWriter.bytes { $0.value(.string(key)) }
      bytes.insert(
        contentsOf: joint + name + colon + text, at: members.last?.value.upperBound ?? end)
    }
    rescan()
  }

  /// Replaces or adds a value inside of inner objects.
  ///
  /// - Parameters:
  ///   - path: The keys from the outside in; nothing happens where one on the way is no object.
  ///   - value: The new value.
  package mutating func set(_ path: [String], to value: JSONScalar) {
    guard let last = path.last else { return }
    change(inside: path.dropLast()) { $0.set(last, to: value) }
  }

  /// Replaces or adds a list inside of inner objects, on one line.
  ///
  /// - Parameters:
  ///   - path: The keys from the outside in; nothing happens where one on the way is no object.
  ///   - values: The elements.
  package mutating func set(_ path: [String], to values: [JSONScalar]) {
    guard let last = path.last else { return }
    var text = Array("[".utf8)
    for (position, value) in values.enumerated() {
      if position > 0 { text += Array(", ".utf8) }
      text += JSONWriter.bytes { $0.value(value) }
    }
    text += Array("]".utf8)
    change(inside: path.dropLast()) { $0.set(last, toText: text) }
  }

  /// Removes a member, wherever it lies.
  ///
  /// - Parameter path: The keys from the outside in.
  package mutating func remove(_ path: [String]) {
    guard let last = path.last else { return }
    change(inside: path.dropLast()) { $0.removeMember(last) }
  }

  private mutating func change(
    inside path: ArraySlice<String>, _ change: (inout TopLevelObject) -> Void
  ) {
    guard let first = path.first else {
      change(&self)
      return
    }
    guard let range = member(first)?.value, bytes[range.lowerBound] == UInt8(ascii: "{"),
      var inner = try? TopLevelObject(Array(bytes[range]), file: file)
    else { return }
    inner.change(inside: path.dropFirst(), change)
    bytes.replaceSubrange(range, with: inner.bytes)
    rescan()
  }

  private mutating func removeMember(_ key: String) {
    while let index = members.firstIndex(where: { $0.key == key }) {
      let (own, next) = (members[index], index + 1 < members.count ? members[index + 1] : nil)
      let removed =
        if index > 0 {
          members[index - 1].value.upperBound..<own.value.upperBound
        } else {
          own.keyRange.lowerBound..<(next?.keyRange.lowerBound ?? own.value.upperBound)
        }
      bytes.removeSubrange(removed)
      rescan()
    }
  }

  private mutating func rescan() {
    do throws(FormatError) {
      try scan()
    } catch {
      preconditionFailure("a checked text is valid with another member, too: \(error)")
    }
  }

  /// What stands between the value of one member and the key of the next.
  private var joint: [UInt8] {
    guard let last = members.last else { return [] }
    guard members.count < 2 else {
      return Array(bytes[members[members.count - 2].value.upperBound..<last.keyRange.lowerBound])
    }
    // With one member only, the white space that stands before it.
    let lead = bytes[..<last.keyRange.lowerBound].reversed().prefix { $0 != UInt8(ascii: "{") }
    return [UInt8(ascii: ",")] + lead.reversed()
  }

  /// What stands between a key and its value.
  private var colon: [UInt8] {
    guard let last = members.last else { return Array(": ".utf8) }
    return Array(bytes[last.keyRange.upperBound..<last.value.lowerBound])
  }

  private func member(_ key: String) -> Member? { members.last { $0.key == key } }

  private mutating func scan() throws(FormatError) {
    // Safety: the text outlives the scanner.
    let found = unsafe bytes.withUnsafeBytes { text in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(text, file: file, acceptsPythonNumbers: true)
        var members: [Member] = []
        try scanner.beginObject()
        while let key = try scanner.nextKey() {
          members.append(
            Member(
              key: scanner.string(of: key),
              keyRange: key.range.lowerBound - 1..<key.range.upperBound + 1,
              value: try scanner.skipValue()))
        }
        let end = scanner.offset - 1
        try scanner.end()
        return (members, end)
      }
    }
    (members, end) = try found.get()
  }
}
