/// Names of heads and input embeddings: how a tied head finds its embedding.
package enum HeadNames {
  /// The usual name of a head.
  package static let standard = "lm_head.weight"
  private static let embeddings = ["embed_tokens.weight", "wte.weight", "word_embeddings.weight"]
  /// The same under a module.
  private static let innerStandard = ".\(standard)"
  private static let innerEmbeddings = embeddings.map { ".\($0)" }

  /// Whether a tensor turns states into tokens.
  ///
  /// - Parameter name: The name.
  /// - Returns: True for `lm_head.weight` at the top or under a module (`language_model.`).
  package static func isHead(_ name: String) -> Bool {
    (name == standard || name.hasSuffix(innerStandard)) && !BlockName.isInBlock(name)
  }

  /// Whether a tensor holds a row for each token.
  package static func isEmbedding(_ name: String) -> Bool {
    (embeddings.contains(name) || innerEmbeddings.contains(where: name.hasSuffix))
      && !BlockName.isInBlock(name)
  }

  /// The embedding that a model has: of several, the one of the language model, then the shortest.
  package static func embedding(among names: some Sequence<String>) -> String? {
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
