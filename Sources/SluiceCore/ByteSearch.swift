extension String {
  /// Whether the bytes of another text stand, one after the other, among those of this one.
  ///
  /// Names are bytes to the formats that hold them: a letter is found whatever marks follow it. It is
  /// also many times faster than to compare characters, which counts with the names of ten
  /// thousands of tensors.
  ///
  /// - Parameter part: The other text.
  /// - Returns: Whether it occurs; an empty text does.
  package func contains(bytesOf part: String) -> Bool {
    let (text, part) = (utf8.span, part.utf8.span)
    guard part.count > 0 else { return true }
    let first = part[0]
    var start = 0
    while start + part.count <= text.count {
      if text[start] == first, text.has(part, at: start) { return true }
      start += 1
    }
    return false
  }
}

extension String {
  /// Whether the text ends in the bytes of another; an empty text is the end of any.
  package func ends(inBytesOf part: String) -> Bool {
    let (text, part) = (utf8.span, part.utf8.span)
    return part.count <= text.count && text.has(part, at: text.count - part.count)
  }

  /// Whether the text begins with the bytes of another; any begins with an empty text.
  package func begins(withBytesOf part: String) -> Bool {
    let (text, part) = (utf8.span, part.utf8.span)
    return part.count <= text.count && text.has(part, at: 0)
  }
}

extension Span<UInt8> {
  /// Whether other bytes stand at a place where there is room for them.
  fileprivate func has(_ part: borrowing Span<UInt8>, at start: Int) -> Bool {
    var position = 0
    while position < part.count {
      guard self[start + position] == part[position] else { return false }
      position += 1
    }
    return true
  }
}
