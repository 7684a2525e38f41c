public import SluiceCore

/// What can go wrong while weights pass through the stages.
public struct StageError: SluiceError, Hashable {
  /// The content.
  public var failure: Failure

  /// Wraps a failure.
  ///
  /// - Parameter failure: The content.
  public init(_ failure: Failure) { self.failure = failure }

  static func cancelling(_ task: TensorTask) -> StageError {
    StageError(
      Failure(
        .badInput, subject: Subject(tensor: task.name),
        message: "the models' directions cancel, and have no spherical mean",
        remedy: "Choose other weights, or merge_method linear."))
  }

  static func nonFinite(
    _ value: Float, model: String, tensor: String, element: Int
  ) -> StageError {
    let what =
      model == "base"
      ? "the weight is \(value)"
      : "the weight, or its difference from the base's, is \(value)"
    return StageError.badInput(
      "element \(element): \(what); only finite numbers can be merged", model: model,
      tensor: tensor, remedy: "Repair or replace this checkpoint.")
  }

  static func overflow(tensor: String, element: Int, dtype: DType) -> StageError {
    StageError.badInput(
      "element \(element): the merged weight is too large for \(dtype)", tensor: tensor,
      remedy: "Write a wider type (--dtype BF16 or --dtype F32), or amplify less.")
  }

  static func inconsistentStatistics(_ task: TensorTask, model: Int) -> StageError {
    StageError.badInput(
      "a second look at fine-tuned model \(model + 1) counted other weights than "
        + "the first: an input file changed while it was read", tensor: task.name,
      remedy: "Run again when nothing writes to the inputs.")
  }

  static func damagedRecords(_ path: String, byteRange: Range<Int>) -> StageError {
    StageError(
      Failure(
        .inputOutput, subject: Subject(file: path, byteRange: byteRange),
        message: "what an earlier pass left is not what was written",
        remedy: "Check the disk; --verify-resume all does damaged work again, --restart all work."))
  }
}
