package import SluiceCore

extension DecoderShape {
  /// The columns of what a layer norms.
  var innerColumns: Int { width }

  /// The elements of the largest panel of weights.
  var panelElements: Int {
    Products.panelRows * max(width, queryWidth, innerWidth)
  }

  /// The numbers that are held for a token while a layer is computed, beside its state.
  var elementsPerToken: Int { innerColumns + widestRow }
}

/// How memory is spent on an evaluation, and where what does not fit lies.
package struct EvaluationNeeds: Sendable {
  /// How many lanes compute.
  package let lanes: Int
  /// The bytes that a lane holds.
  package let laneBytes: Int
  /// The bytes of activations.
  package let activationBytes: Int
  /// The bytes of tables: tokens, scores, positions.
  package let tableBytes: Int
  /// Where activations lie; nil for memory.
  package let directory: String?

  /// The bytes in memory.
  package var memoryBytes: Int {
    lanes * laneBytes + tableBytes + (directory == nil ? activationBytes : 0)
  }
  /// The bytes in the scratch file.
  package var scratchBytes: Int { directory == nil ? 0 : activationBytes }

  /// Fits an evaluation into a budget: activations go to a file where they do not fit beside all lanes, and
  /// lanes give way before the evaluation is refused.
  ///
  /// - Parameters:
  ///   - shape: What is computed.
  ///   - batch: The sequences.
  ///   - modelCount: How many models are computed together.
  ///   - threads: How many lanes may compute.
  ///   - memory: The budget.
  ///   - whole: The budget of the command, for a part of it that computing may take.
  ///   - scratch: Where activations go that do not fit.
  ///   - extraLaneBytes: What a lane holds beside that.
  /// - Throws: `EvaluationError` if the budget is too small for one lane.
  package init(
    _ shape: DecoderShape, _ batch: TokenBatch, modelCount: Int = 1, threads: Int,
    memory: ByteCount, whole: (Int) -> Int = { $0 }, scratch: String, extraLaneBytes: Int = 0
  ) throws(EvaluationError) {
    let rows = batch.paddedRowCount
    activationBytes =
      4 * rows * (modelCount * shape.width + shape.elementsPerToken)
      + 4 * TokenBatch.padded(batch.answerCount) * shape.width
    tableBytes =
      batch.answerCount * HeadStep.byteCount(shape) + batch.listBytes
      + RotaryTable.byteCount(shape.rotary, positionCount: batch.longest)
    laneBytes =
      4 * shape.panelElements + (1 << 18) + extraLaneBytes
      + max(HeadStep.laneByteCount, Attention.byteCount(shape, longest: batch.longest))
    let room = memory.bytes - tableBytes
    guard room >= laneBytes else {
      let least = ByteCount(whole(laneBytes + tableBytes)).roundedUpToMebibytes
      throw EvaluationError.usage(
        "the memory budget leaves \(memory) for computing, which is too little: one lane and the tables "
          + "take \(ByteCount(laneBytes + tableBytes))",
        remedy: "Give --memory \(least) or more.")
    }
    // A lane is worth more than activations in memory: a layer takes seconds for each pass over them.
    lanes = min(threads, room / laneBytes)
    directory = activationBytes + lanes * laneBytes <= room ? nil : scratch
  }
}
