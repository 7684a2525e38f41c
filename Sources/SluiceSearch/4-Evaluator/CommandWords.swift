/// A command as words, without a shell: what stands in a word is never read as anything else.
///
/// White space parts words; single quotes keep everything, double quotes keep all but `\"` and `\\`,
/// and a backslash outside of quotes keeps the next character, as in a shell. Nothing is expanded.
package struct CommandWords: Sendable, Hashable {
  /// The words.
  package let words: [String]

  /// Why a text is no command.
  package enum Problem: Error, Hashable {
    /// A quote is opened and not closed.
    case openQuote
    /// There is no word.
    case empty
  }

  /// Takes a text apart.
  package init(_ text: String) throws(Problem) {
    var words: [String] = []
    var word: String?
    var quote: Character?
    var isEscaped = false
    for character in text {
      if isEscaped {
        if quote == "\"", character != "\"", character != "\\" { word = (word ?? "") + "\\" }
        word = (word ?? "") + String(character)
        isEscaped = false
      } else if character == "\\", quote != "'" {
        isEscaped = true
      } else if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "'" || character == "\"" {
        quote = character
        word = word ?? ""
      } else if character.isWhitespace {
        if let finished = word { words.append(finished) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    guard quote == nil, !isEscaped else { throw .openQuote }
    if let word { words.append(word) }
    guard !words.isEmpty else { throw .empty }
    self.words = words
  }

  /// The words with placeholders replaced.
  ///
  /// - Parameter values: What stands for each `{name}`, without braces; others are left alone.
  /// - Returns: The words.
  package func filled(_ values: [String: String]) -> [String] {
    words.map { word in
      var rest = word[...]
      var filled = ""
      while let open = rest.firstIndex(of: "{") {
        filled += rest[..<open]
        rest = rest[open...]
        if let close = rest.firstIndex(of: "}"),
          let value = values[String(rest[rest.index(after: open)..<close])]
        {
          filled += value
          rest = rest[rest.index(after: close)...]
        } else {
          filled.append("{")
          rest = rest.dropFirst()
        }
      }
      return filled + rest
    }
  }

  /// Whether a placeholder occurs.
  package func has(_ name: String) -> Bool { words.contains { $0.contains("{\(name)}") } }
}
