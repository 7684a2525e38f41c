extension String {
  /// The text with control characters written as `\u{..}`, safe to print on a terminal; of a very
  /// long one the beginning.
  package var printable: String { printable(limit: 1000) }

  /// The text with control characters written as `\u{..}`, or the beginning of one.
  package func printable(limit: Int) -> String {
    var out = ""
    for (count, scalar) in unicodeScalars.enumerated() {
      guard count < limit else { return out + "... (\(utf8.count) bytes)" }
      switch scalar.properties.generalCategory {
      case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator:
        out += "\\u{\(String(scalar.value, radix: 16))}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// The text with some characters written as `\u001b`: four digits, as JSON and YAML read them.
  ///
  /// - Parameter isEscaped: Tells of a character below U+10000 whether it is one of them.
  /// - Returns: The text.
  package func escaping(where isEscaped: (Unicode.Scalar) -> Bool) -> String {
    guard unicodeScalars.contains(where: isEscaped) else { return self }
    var text = ""
    for scalar in unicodeScalars {
      guard isEscaped(scalar) else {
        text.unicodeScalars.append(scalar)
        continue
      }
      let digits = String(scalar.value, radix: 16)
      text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
    return text
  }
}
