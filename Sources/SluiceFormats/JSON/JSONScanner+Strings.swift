/// A string in JSON text that has been checked but not yet decoded.
package struct JSONText: Sendable, Hashable {
  /// Where the content is in the text, without the quotes.
  package let range: Range<Int>
  /// Whether a backslash occurs in it.
  let isEscaped: Bool
}

extension JSONScanner {
  /// Reads a string and decodes it.
  package mutating func string() throws(FormatError) -> String {
    string(of: try text())
  }

  /// Reads a string, checks it, and leaves it where it is.
  package mutating func text() throws(FormatError) -> JSONText {
    skipWhitespace()
    guard current == UInt8(ascii: "\"") else { throw unexpected("a string") }
    offset += 1
    let start = offset
    var isEscaped = false
    while offset < count {
      // Safety: below the length by the loop's condition.
      switch unsafe bytes[offset] {
      case UInt8(ascii: "\""):
        offset += 1
        return JSONText(range: start..<offset - 1, isEscaped: isEscaped)
      case UInt8(ascii: "\\"):
        isEscaped = true
        try skipEscape()
      case 0..<0x20: throw malformed("a control character in a string", at: offset)
      case 0..<0x80: offset += 1
      default: try skipSequence()
      }
    }
    throw malformed("a string without end", at: start - 1)
  }

  /// Decodes a string.
  package func string(of text: JSONText) -> String {
    // Safety: the range was found below the length by `text()`.
    let content = unsafe UnsafeBufferPointer(rebasing: bytes[text.range])
    guard text.isEscaped else { return unsafe String(decoding: content, as: UTF8.self) }
    return String(decoding: unescaped(text), as: UTF8.self)
  }

  /// Compares a string with a word, without decoding where possible.
  ///
  /// - Parameters:
  ///   - text: What this scanner returned.
  ///   - word: What to compare with.
  /// - Returns: Whether the decoded content has exactly the bytes of the word.
  package func text(_ text: JSONText, equals word: StaticString) -> Bool {
    guard !text.isEscaped else { return string(of: text) == word.description }
    return text.range.count == word.utf8CodeUnitCount && matches(word, at: text.range.lowerBound)
  }

  /// Whether a string stands in the text with exactly the bytes of another, without escapes.
  func text(_ text: JSONText, hasBytesOf other: String) -> Bool {
    let other = other.utf8.span
    guard !text.isEscaped, text.range.count == other.count else { return false }
    for index in 0..<other.count where byte(at: text.range.lowerBound + index) != other[index] {
      return false
    }
    return true
  }

  /// Steps over a backslash and what it stands before; surrogates must come in pairs.
  private mutating func skipEscape() throws(FormatError) {
    let start = offset
    switch byte(at: start + 1) {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
      UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
      offset += 2
    case UInt8(ascii: "u"):
      guard let unit = hexadecimal(at: start + 2) else {
        throw malformed("\\u without four hexadecimal digits", at: start)
      }
      offset += 6
      guard 0xD800...0xDFFF ~= unit else { return }
      guard unit < 0xDC00, byte(at: offset) == UInt8(ascii: "\\"),
        byte(at: offset + 1) == UInt8(ascii: "u"), let low = hexadecimal(at: offset + 2),
        0xDC00...0xDFFF ~= low
      else { throw malformed("half of a surrogate pair", at: start) }
      offset += 6
    default: throw malformed("an unknown escape", at: start)
    }
  }

  /// Steps over one non-ASCII character: no overlong form, no surrogate, nothing above U+10FFFF.
  private mutating func skipSequence() throws(FormatError) {
    let lead = byte(at: offset)
    let length: Int
    let second: ClosedRange<UInt8>
    switch lead {
    case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    default: throw malformed("text that is not UTF-8", at: offset)
    }
    guard second ~= byte(at: offset + 1),
      length < 3 || 0x80...0xBF ~= byte(at: offset + 2),
      length < 4 || 0x80...0xBF ~= byte(at: offset + 3)
    else { throw malformed("text that is not UTF-8", at: offset) }
    offset += length
  }

  private func hexadecimal(at position: Int) -> UInt32? {
    var value: UInt32 = 0
    for index in position..<position + 4 {
      let digit = byte(at: index)
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        value = value << 4 | UInt32(digit - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"):
        value = value << 4 | UInt32(digit - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"):
        value = value << 4 | UInt32(digit - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    return value
  }

  /// The content with escapes resolved, as UTF-8; the text has been checked before.
  private func unescaped(_ text: JSONText) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.range.count)
    var position = text.range.lowerBound
    while position < text.range.upperBound {
      let byte = byte(at: position)
      guard byte == UInt8(ascii: "\\") else {
        out.append(byte)
        position += 1
        continue
      }
      let escape = self.byte(at: position + 1)
      position += 2
      switch escape {
      case UInt8(ascii: "b"): out.append(0x08)
      case UInt8(ascii: "f"): out.append(0x0C)
      case UInt8(ascii: "n"): out.append(0x0A)
      case UInt8(ascii: "r"): out.append(0x0D)
      case UInt8(ascii: "t"): out.append(0x09)
      case UInt8(ascii: "u"):
        var value = hexadecimal(at: position) ?? 0
        position += 4
        if 0xD800...0xDBFF ~= value {
          let low = hexadecimal(at: position + 2) ?? 0
          value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
          position += 6
        }
        if let scalar = Unicode.Scalar(value) { out.append(contentsOf: Array(String(scalar).utf8)) }
      default: out.append(escape)
      }
    }
    return out
  }
}
