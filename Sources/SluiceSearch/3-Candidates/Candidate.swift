/// A model that is to be evaluated.
package struct Candidate: Sendable, Hashable {
  /// Which models' deltas it is made of.
  package enum Content: Sendable, Hashable {
    /// The base as it is.
    case base
    /// A fine-tuned model as it is.
    case dense(model: String)
    /// The base and the pruned, amplified deltas of one model.
    case amplified(model: String, Factors)
    /// The merge of all models of the recipe.
    case merged([String: Factors])
    /// The merge with numbers in the place of those that its recipe marks.
    case marked(Factors)
  }

  /// Which models' deltas it is made of.
  package let content: Content

  /// Describes a candidate.
  package init(_ content: Content) { self.content = content }

  /// The model that it is a candidate for; `merged` for all.
  package var model: String {
    switch content {
    case .dense(let model), .amplified(let model, _): model
    case .merged, .marked: "merged"
    case .base: "base"
    }
  }

  /// The factors, if it is about those of one model.
  package var factors: Factors? {
    switch content {
    case .amplified(_, let factors): factors
    case .base, .dense, .merged, .marked: nil
    }
  }

  /// What tells it from other candidates for the same model: `dense`, or its factors.
  package var label: String {
    switch content {
    case .dense: "dense"
    case .base: "base"
    case .amplified(_, let factors), .marked(let factors): factors.description
    case .merged(let factors):
      factors.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ";")
    }
  }
}
