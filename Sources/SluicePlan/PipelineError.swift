internal import SluiceRecipe
package import SluiceCore

/// What can be wrong with a merge as a whole: its options, or how its models fit together.
package struct PipelineError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  package init(_ failure: Failure) { self.failure = failure }

  static func mismatch(
    model: String, file: String?, tensor: String?, _ message: String, remedy: String?
  ) -> PipelineError {
    PipelineError.badInput(message, model: model, file: file, tensor: tensor, remedy: remedy)
  }

  /// Files of the names that the run would give, which it did not make.
  package static func outputExists(_ path: String, found: [String]) -> PipelineError {
    let shown = found.sorted().prefix(12).map(\.printable).joined(separator: ", ")
    let more = found.count > 12 ? " and \(found.count - 12) more" : ""
    return PipelineError.usage(
      "the output directory already holds \(shown)\(more)", file: path,
      remedy: "Choose another --out, or remove \(found.count == 1 ? "it" : "them") first.")
  }

  package static func outputIsInput(_ path: String, found: String) -> PipelineError {
    PipelineError.usage(
      "the output directory holds \(found.printable), an input of this merge", file: path,
      remedy: "Choose another --out: inputs are never written to.")
  }
}
