/// Which tokens a merged model has, and where their rows come from: `tokenizer` of a recipe in mergekit's
/// grammar.
///
/// Each input's embedding and head is made anew, with a row for each of these tokens, before the method sees it.
package struct StepVocabulary: Sendable, Hashable {
  /// Whose tokens they are.
  package enum Source: Sendable, Hashable {
    /// The base's.
    case base
    /// The base's, and behind them those that only other models have.
    case union
    /// Those of the model at a path.
    case model(String)
  }

  /// What is said of one token.
  package struct Token: Sendable, Hashable {
    /// Where its row comes from in a model that lacks it.
    package enum Row: Sendable, Hashable {
      /// Zeros.
      case zero
      /// The token's own row in the model at a path.
      case model(String)
      /// The row of another token in the model at a path.
      case token(String, of: String)
      /// The row of a number in the model at a path.
      case number(Int, of: String)
    }

    /// The token, as vocabularies write it.
    package var text: String
    /// Where its row comes from; as if nothing was said of it if nil.
    package var row: Row?
    /// Whether models that have it get that row, too.
    package var isForced: Bool

    /// Describes a token.
    package init(_ text: String, row: Row? = nil, isForced: Bool = false) {
      self.text = text
      self.row = row
      self.isForced = isForced
    }
  }

  /// Whose tokens they are.
  package var source: Source
  /// Tokens of which something is said; those that are missing are added.
  package var tokens: [Token] = []
  /// What the number of rows is a multiple of.
  package var rowMultiple: Int?
  /// Whether the base is a model that the recipe names as such, whose rows come before a mean.
  package var prefersBase = false

  /// Describes a vocabulary.
  package init(_ source: Source) { self.source = source }

  /// The same with paths replaced.
  package func mapPaths<E: Error>(
    _ change: (String) throws(E) -> String
  ) throws(E) -> StepVocabulary {
    var result = self
    if case .model(let path) = source { result.source = .model(try change(path)) }
    for index in tokens.indices {
      switch tokens[index].row {
      case .model(let path): result.tokens[index].row = .model(try change(path))
      case .token(let text, let path):
        result.tokens[index].row = .token(text, of: try change(path))
      case .number(let number, let path):
        result.tokens[index].row = .number(number, of: try change(path))
      case .zero, nil: break
      }
    }
    return result
  }
}
