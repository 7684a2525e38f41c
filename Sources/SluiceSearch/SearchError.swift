package import SluiceCore

/// What can go wrong in a search apart from the merges that make its candidates.
package struct SearchError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  package init(_ failure: Failure) { self.failure = failure }

  /// An evaluator that did not do its work; what it finished before is kept.
  static func evaluator(
    _ message: String, model: String, factors: Factors?, remedy: String? = nil
  ) -> SearchError {
    let what = factors.map { "with factors \($0)" } ?? "as it is"
    return SearchError(
      Failure(
        .stopped, subject: Subject(model: model), message: "the evaluator \(message) (\(what))",
        remedy: (remedy.map { $0 + " " } ?? "")
          + "What is evaluated is kept: the same command goes on from there."))
  }
}
