/// The kinds of JSON values.
package enum JSONKind: Sendable, Hashable {
  case object, array, string, number, bool, null
}

/// Reads JSON text value by value, exactly as RFC 8259 defines it, without building a tree.
///
/// Goals, in order: refuse everything that is not JSON and say where; never use more memory than
/// what the caller keeps; fast enough for headers of 100 MB. The caller asks for what it expects:
///
///     try scanner.beginObject()
///     while let key = try scanner.nextKey() {
///       if scanner.text(key, equals: "name") { name = try scanner.string() } else { try scanner.skipValue() }
///     }
///     try scanner.end()
///
/// Strings must be valid UTF-8 without lone surrogates; depth is limited; duplicate keys are handed
/// out as they come, so that the caller decides. Every error names the byte offset.
///
/// Safety: the scanner keeps a pointer to memory that its creator keeps alive and unchanged for as
/// long as the scanner is used; every access is below `count`.
@safe package struct JSONScanner {
  let bytes: UnsafeBufferPointer<UInt8>
  let count: Int
  let file: String?
  let fileOffset: Int
  let maximumDepth: Int
  let acceptsPythonNumbers: Bool
  private var depth = 0
  /// Whether the innermost container was just opened.
  ///
  /// One flag serves all levels: leaving a container puts a value after it in the one above.
  private var isAtStart = false

  /// How many bytes have been read.
  package internal(set) var offset = 0

  /// Starts at the first byte.
  ///
  /// - Parameters:
  ///   - bytes: The text; must stay valid while the scanner is used.
  ///   - file: The path to name in errors.
  ///   - fileOffset: Where in the file the text starts, for errors.
  ///   - maximumDepth: How many containers may be open at once.
  ///   - acceptsPythonNumbers: Whether `NaN`, `Infinity` and `-Infinity` count as numbers, as
  ///     Python's writer makes them; only for files that Python wrote.
  package init(
    _ bytes: UnsafeRawBufferPointer, file: String? = nil, fileOffset: Int = 0,
    maximumDepth: Int = 128, acceptsPythonNumbers: Bool = false
  ) {
    unsafe self.bytes = unsafe bytes.bindMemory(to: UInt8.self)
    self.count = bytes.count
    self.file = file
    self.fileOffset = fileOffset
    self.maximumDepth = maximumDepth
    self.acceptsPythonNumbers = acceptsPythonNumbers
  }

  /// Looks at the next value without reading it.
  package mutating func kind() throws(FormatError) -> JSONKind {
    skipWhitespace()
    switch current {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "N"), UInt8(ascii: "I"):
      if acceptsPythonNumbers { return .number }
      throw unexpected("a value")
    default: throw unexpected("a value")
    }
  }

  /// Enters an object.
  ///
  /// - Throws: If the next value is no object, or containers are nested too deeply.
  package mutating func beginObject() throws(FormatError) {
    try open(UInt8(ascii: "{"), "an object")
  }

  /// Reads the next key of the innermost object and its colon.
  package mutating func nextKey() throws(FormatError) -> JSONText? {
    guard try advance(closing: UInt8(ascii: "}"), "',' or '}'") else { return nil }
    guard current == UInt8(ascii: "\"") else { throw unexpected("a key") }
    let key = try text()
    skipWhitespace()
    guard current == UInt8(ascii: ":") else { throw unexpected("':'") }
    offset += 1
    return key
  }

  /// Enters an array.
  ///
  /// - Throws: If the next value is no array, or containers are nested too deeply.
  package mutating func beginArray() throws(FormatError) {
    try open(UInt8(ascii: "["), "an array")
  }

  /// Moves to the next element of the innermost array.
  package mutating func nextElement() throws(FormatError) -> Bool {
    try advance(closing: UInt8(ascii: "]"), "',' or ']'")
  }

  /// Reads a truth value.
  package mutating func bool() throws(FormatError) -> Bool {
    skipWhitespace()
    if accept("true") { return true }
    if accept("false") { return false }
    throw unexpected("true or false")
  }

  /// Reads `null`.
  package mutating func null() throws(FormatError) {
    skipWhitespace()
    guard accept("null") else { throw unexpected("null") }
  }

  /// Reads a whole value of any kind, checks it, and forgets it.
  @discardableResult
  package mutating func skipValue() throws(FormatError) -> Range<Int> {
    let kind = try kind()
    let start = offset
    switch kind {
    case .string: _ = try text()
    case .number: _ = try number()
    case .bool: _ = try bool()
    case .null: try null()
    case .array:
      try beginArray()
      while try nextElement() { try skipValue() }
    case .object:
      try beginObject()
      while try nextKey() != nil { try skipValue() }
    }
    return start..<offset
  }

  /// Checks that nothing but white space is left.
  package mutating func end() throws(FormatError) {
    skipWhitespace()
    guard offset == count else { throw unexpected("the end of the text") }
  }

  private mutating func open(_ bracket: UInt8, _ name: String) throws(FormatError) {
    skipWhitespace()
    guard current == bracket else { throw unexpected(name) }
    guard depth < maximumDepth else {
      throw malformed("nested more than \(maximumDepth) levels deep", at: offset)
    }
    depth += 1
    offset += 1
    isAtStart = true
  }

  /// Steps over the comma before a member, or over the closing bracket.
  private mutating func advance(closing: UInt8, _ expected: String) throws(FormatError) -> Bool {
    skipWhitespace()
    if current == closing {
      offset += 1
      depth -= 1
      isAtStart = false
      return false
    }
    if isAtStart {
      isAtStart = false
    } else {
      guard current == UInt8(ascii: ",") else { throw unexpected(expected) }
      offset += 1
      skipWhitespace()
      guard current != closing else { throw unexpected("another member behind ','") }
    }
    return true
  }
}

extension JSONScanner {
  /// The next byte, or 0 at the end: no place in the grammar allows a NUL, so 0 never matches.
  var current: UInt8 { byte(at: offset) }

  func byte(at position: Int) -> UInt8 {
    // Safety: the position is checked against the length here.
    position < count ? unsafe bytes[position] : 0
  }

  mutating func skipWhitespace() {
    while offset < count {
      // Safety: below the length by the loop's condition.
      switch unsafe bytes[offset] {
      case 0x20, 0x09, 0x0A, 0x0D: offset += 1
      default: return
      }
    }
  }

  mutating func accept(_ word: StaticString) -> Bool {
    guard matches(word, at: offset) else { return false }
    offset += word.utf8CodeUnitCount
    return true
  }

  func matches(_ word: StaticString, at position: Int) -> Bool {
    guard position + word.utf8CodeUnitCount <= count else { return false }
    for index in 0..<word.utf8CodeUnitCount {
      // Safety: both indices are below the lengths checked above.
      guard unsafe bytes[position + index] == (unsafe word.utf8Start[index]) else { return false }
    }
    return true
  }

  func malformed(_ message: String, at position: Int) -> FormatError {
    .malformed(
      "invalid JSON: \(message)", file: file,
      byteRange: fileOffset + position..<fileOffset + min(position + 1, max(count, position)))
  }

  func unexpected(_ expected: String) -> FormatError {
    let found: String =
      if offset >= count {
        "the end of the text"
      } else if (0x21...0x7E).contains(current) {
        "'\(Character(Unicode.Scalar(current)))'"
      } else {
        "byte 0x" + (current < 16 ? "0" : "") + String(current, radix: 16)
      }
    return malformed("expected \(expected), found \(found)", at: offset)
  }
}
