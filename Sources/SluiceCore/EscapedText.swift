extension String {
  /// The text with control characters written as `\u{..}`, safe to print on a terminal; of a very
  /// long one the beginning.
  package var printable: String { printable(limit: 1000) }

  /// The text with control characters written as `\u{..}`, or the beginning of one.
  package func printable(limit: Int) -> String {
    // Nearly every text is, and names of tensors are asked for by ten thousands.
    if utf8.count <= limit, utf8.allSatisfy({ (0x20..<0x7f).contains($0) }) { return self }
    var out = ""
    for (count, scalar) in unicodeScalars.enumerated() {
      guard count < limit else { return out + "... (\(utf8.count) bytes)" }
      if scalar.steersOutput {
        out += "\\u{\(String(scalar.value, radix: 16))}"
      } else {
        out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// The text as one word of a shell's command line, whatever is in it.
  package var quotedForShell: String {
    "'" + split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  /// The digits of a number, with zeros before them up to so many.
  package func zeroPadded(to count: Int) -> String {
    String(repeating: "0", count: max(0, count - self.count)) + self
  }

  /// The text with some characters written as `\u001b`: four digits, as JSON and YAML read them, and
  /// twice four from U+10000 on.
  ///
  /// - Parameter isEscaped: Tells of a character whether it is one of them.
  /// - Returns: The text.
  package func escaping(where isEscaped: (Unicode.Scalar) -> Bool) -> String {
    guard unicodeScalars.contains(where: isEscaped) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      guard isEscaped(scalar) else {
        text.unicodeScalars.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        text += "\\u" + String(unit, radix: 16).zeroPadded(to: 4)
      }
    }
    return text
  }
}

extension Unicode.Scalar {
  /// Whether it does something to the text around it instead of being a part of it: control characters,
  /// directions, and ends of lines and paragraphs.
  package var steersOutput: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: true
    default: false
    }
  }
}
