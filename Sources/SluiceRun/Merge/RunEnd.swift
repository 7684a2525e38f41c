internal import SluiceCore
internal import SluiceDataflow
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// How a run ends that could not go on.
enum RunEnd {
  /// Tidies up after an error, and says in it how to go on.
  static func error(
    _ error: any Error, _ cancellation: Cancellation, _ directory: RunDirectory
  ) -> any Error {
    // Whoever waited when the run was cancelled only knows that it was.
    let error = error is CancelledError ? cancellation.error ?? error : error
    guard var known = error as? any SluiceError else { return error }
    switch known.failure.exitCode {
    case .badInput where error is StageError: directory.abandon()
    case .inputOutput, .badInput, .internal:
      known.failure.remedy =
        (known.failure.remedy.map { $0 + (".!?".contains($0.last ?? " ") ? " " : ". ") } ?? "")
        + "What is finished is kept: the same command goes on from there."
    default: break
    }
    return known
  }
}
