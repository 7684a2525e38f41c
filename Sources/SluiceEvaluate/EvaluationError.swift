package import SluiceCore

/// What can be wrong with what a model is scored on, or with a model that is to be scored.
package struct EvaluationError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  package init(_ failure: Failure) { self.failure = failure }

  /// A model that is not computed here.
  static func unsupported(_ what: String, file: String) -> EvaluationError {
    EvaluationError.badInput(
      "\(what); it cannot be evaluated", file: file,
      remedy: "Decoders of these kinds are: \(DecoderShape.Family.list). "
        + "For others give search an --evaluator.")
  }
}
