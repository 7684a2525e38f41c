/// Leaves entries of one list or object of a JSON text out, and adds others behind the last; all other bytes
/// stay as they are.
package struct JSONListEdit {
  /// An entry: an element of a list, or a member of an object.
  package struct Entry {
    /// Its position.
    package let index: Int
    /// The key as it is written, with its quotes; empty in a list.
    package let key: ArraySlice<UInt8>
    /// The value as it is written.
    package let value: ArraySlice<UInt8>
  }

  private struct Found {
    var kind: JSONKind
    /// With the brackets.
    var range: Range<Int>
    var entries: [(key: Range<Int>, value: Range<Int>)]
  }

  private let bytes: [UInt8]
  private let file: String?

  /// Takes a text.
  package init(_ bytes: [UInt8], file: String? = nil) {
    self.bytes = bytes
    self.file = file
  }

  /// The text with a list or object changed.
  ///
  /// - Parameters:
  ///   - path: The keys that lead to it from the outside in; the text itself if there are none.
  ///   - kind: What it must be, if not either.
  ///   - drop: Whether an entry is left out.
  ///   - added: What is added, as it is to be written.
  /// - Returns: The text; as it is where the path leads nowhere.
  /// - Throws: If the text is not JSON.
  package func edited(
    at path: [String], if kind: JSONKind? = nil, dropping drop: (Entry) -> Bool,
    adding added: [[UInt8]] = []
  ) throws(FormatError) -> [UInt8] {
    guard let found = try find(path), kind ?? found.kind == found.kind else { return bytes }
    let kept = found.entries.indices.filter { index in
      let (key, value) = found.entries[index]
      return !drop(Entry(index: index, key: bytes[key], value: bytes[value]))
    }
    let joint = Array(", ".utf8)
    var (text, end): ([UInt8], Int)
    if kept.count == found.entries.count {
      end = found.entries.last?.value.upperBound ?? found.range.lowerBound + 1
      text = Array(bytes[..<end])
    } else {
      text = Array(bytes[...found.range.lowerBound])
      for (number, index) in kept.enumerated() {
        let (key, value) = found.entries[index]
        if number > 0 { text += joint }
        text += bytes[(key.isEmpty ? value.lowerBound : key.lowerBound)..<value.upperBound]
      }
      end = found.range.upperBound - 1
    }
    for (number, entry) in added.enumerated() {
      if number > 0 || !kept.isEmpty { text += joint }
      text += entry
    }
    return text + bytes[end...]
  }

  private func find(_ path: [String]) throws(FormatError) -> Found? {
    // SAFETY: the text outlives the scanner.
    let result = unsafe bytes.withUnsafeBytes { text in
      Result { () throws(FormatError) in
        var scanner = unsafe JSONScanner(text, file: file, acceptsPythonNumbers: true)
        var found: Found?
        try JSONListEdit.find(path[...], &scanner, &found)
        try scanner.end()
        return found
      }
    }
    return try result.get()
  }

  private static func find(
    _ path: ArraySlice<String>, _ scanner: inout JSONScanner, _ found: inout Found?
  ) throws(FormatError) {
    guard let first = path.first else {
      found = try entries(&scanner)
      return
    }
    guard try scanner.kind() == .object else {
      try scanner.skipValue()
      return
    }
    try scanner.beginObject()
    while let key = try scanner.nextKey() {
      if scanner.string(of: key) == first {
        try find(path.dropFirst(), &scanner, &found)
      } else {
        try scanner.skipValue()
      }
    }
  }

  private static func entries(_ scanner: inout JSONScanner) throws(FormatError) -> Found? {
    let kind = try scanner.kind()
    let start = scanner.offset
    var entries: [(key: Range<Int>, value: Range<Int>)] = []
    switch kind {
    case .object:
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        entries.append(
          (key.range.lowerBound - 1..<key.range.upperBound + 1, try scanner.skipValue()))
      }
    case .array:
      try scanner.beginArray()
      while try scanner.nextElement() {
        let value = try scanner.skipValue()
        entries.append((value.lowerBound..<value.lowerBound, value))
      }
    default:
      try scanner.skipValue()
      return nil
    }
    return Found(kind: kind, range: start..<scanner.offset, entries: entries)
  }
}
