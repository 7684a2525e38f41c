/// Names of heads and input embeddings: how a tied head finds its embedding.
package enum HeadNames {
  /// The usual name of a head.
  package static let standard = "lm_head.weight"
  private static let embeddings = ["embed_tokens.weight", "wte.weight", "word_embeddings.weight"]

  /// Whether a tensor turns states into tokens.
  ///
  /// - Parameter name: The name.
  /// - Returns: True for `lm_head.weight` at the top or under a module (`language_model.`).
  package static func isHead(_ name: String) -> Bool {
    isLast(standard, in: name) && !BlockName.isInBlock(name)
  }

  /// Whether a tensor holds a row for each token.
  package static func isEmbedding(_ name: String) -> Bool {
    embeddings.contains { isLast($0, in: name) } && !BlockName.isInBlock(name)
  }

  /// Whether a name is another, or ends in it under a module.
  ///
  /// From the end, where names differ: there may be ten thousands of them.
  private static func isLast(_ last: String, in name: String) -> Bool {
    let (a, b) = (last.utf8.span, name.utf8.span)
    let start = b.count - a.count
    guard start >= 0 else { return false }
    var position = a.count
    while position > 0 {
      position -= 1
      guard a[position] == b[start + position] else { return false }
    }
    return start == 0 || b[start - 1] == UInt8(ascii: ".")
  }

  /// The embedding that a model has: of several, the one of the language model, then the shortest.
  package static func embedding(among names: [String]) -> String? {
    names.filter(isEmbedding).min { a, b in
      let (first, second) = (rank(a), rank(b))
      return first != second ? first < second : a.utf8.lexicographicallyPrecedes(b.utf8)
    }
  }

  private static func rank(_ name: String) -> Int {
    (name.contains("language_model") || !name.contains("vision") && !name.contains("audio")
      ? 0 : 10_000) + name.utf8.count
  }

  /// What a head is called in a model whose embedding has a name: beside the model of the embedding.
  ///
  /// - Parameter embedding: The embedding's name.
  /// - Returns: `language_model.lm_head.weight` for `language_model.model.embed_tokens.weight`, else
  ///   the usual name.
  package static func head(of embedding: String) -> String {
    embedding.hasPrefix("language_model.") ? "language_model.\(standard)" : standard
  }
}
