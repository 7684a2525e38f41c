internal import SluiceCore

/// A piece of a recipe's text: what was written, without a guess at its type, and where.
struct RecipeNode: Sendable {
  enum Content: Sendable {
    /// A single value; plain ones have no quotes and may mean a number or nothing.
    case scalar(String, isPlain: Bool)
    case list([RecipeNode])
    case map([(key: RecipeNode, value: RecipeNode)])
  }

  let content: Content
  let place: RecipePlace

  /// What the node is, for messages.
  var kindName: String {
    switch content {
    case .scalar(let text, let isPlain):
      isPlain && YAMLWords.isNull(text) ? "nothing" : "\(text.quotedForMessage)"
    case .list: "a list"
    case .map: "a mapping"
    }
  }

  /// Whether nothing was written.
  var isNothing: Bool {
    if case .scalar(let text, isPlain: true) = content { YAMLWords.isNull(text) } else { false }
  }
}

/// Words that readers of YAML disagree on: taken for truth values, numbers or nothing by some.
enum YAMLWords {
  private static let nulls: Set<String> = ["", "~", "null", "Null", "NULL"]
  private static let truths: Set<String> = ["yes", "no", "on", "off", "y", "n", "true", "false"]

  static func isNull(_ text: String) -> Bool { nulls.contains(text) }

  /// Whether YAML 1.1 reads a plain word as yes or no.
  static func isTruth(_ text: String) -> Bool { truths.contains(text.lowercased()) }

  /// Whether a plain text would be read as a number by some reader.
  static func looksLikeNumber(_ text: String) -> Bool {
    guard let first = text.drop(while: { "+-.".contains($0) }).first else { return false }
    let rest = text.lowercased().drop { "+-".contains($0) }
    if rest == ".inf" || rest == ".nan" { return true }
    return first.isASCII && first.isNumber
      && text.allSatisfy { $0.isASCII && ($0.isHexDigit || "+-._:xob".contains($0)) }
  }
}

extension String {
  /// The text in quotes, shortened, safe to print.
  var quotedForMessage: String {
    let short = count > 60 ? prefix(57) + "..." : self[...]
    return "\"\(String(short).printable)\""
  }
}
