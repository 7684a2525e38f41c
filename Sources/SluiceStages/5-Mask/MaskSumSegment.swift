public import SluiceKernels
internal import Synchronization

/// The exact sums of |delta| of each tensor and model, before and after a mask.
public final class MaskSums: Sendable {
  private struct Pair {
    var whole = ExactSum()
    var kept = ExactSum()
  }

  private let modelCount: Int
  private let sums: Mutex<[Pair]>

  /// Makes empty sums.
  ///
  /// - Parameters:
  ///   - taskCount: The number of tensors.
  ///   - modelCount: The number of fine-tuned models.
  public init(taskCount: Int, modelCount: Int) {
    self.modelCount = modelCount
    sums = Mutex(Array(repeating: Pair(), count: taskCount * modelCount))
  }

  /// Adds the sums of a strip, in any order.
  func add(whole: ExactSum, kept: ExactSum, task: Int, model: Int) {
    sums.withLock { sums in
      sums[task * modelCount + model].whole.add(whole)
      sums[task * modelCount + model].kept.add(kept)
    }
  }
}

extension MaskSums: FactorSource {
  /// What makes up for the removed deltas: whole / kept, a quotient of Doubles rounded to Float32; 1
  /// if nothing is kept.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the fine-tuned model.
  /// - Returns: The factor.
  public func factor(of task: TensorTask, model: Int) -> Float {
    let pair = sums.withLock { $0[task.ordinal * modelCount + model] }
    let kept = pair.kept.value
    return kept > 0 ? Float(pair.whole.value / kept) : 1
  }
}

/// A pass that adds up what a mask finds and what it leaves.
public final class MaskSumSegment: LaneSegment {
  private let sums: MaskSums
  private let delta: DeltaStage
  private let buffers: BlockBuffers
  private let kernels: Kernels
  private let prefix: TransformLanes
  private let mask: TransformLanes
  private let whole: [MagnitudeSum]
  private let kept: [MagnitudeSum]

  /// Makes the segment of one lane.
  ///
  /// - Parameters:
  ///   - modelNames: The names of the fine-tuned models.
  ///   - sums: Where the sums go.
  ///   - kernels: The kernels to compute with.
  ///   - prefix: What is done to the deltas before the mask.
  ///   - mask: The mask.
  public init(
    modelNames: [String], sums: MaskSums, kernels: Kernels, prefix: TransformChain = .empty,
    mask: TransformChain
  ) {
    self.sums = sums
    self.kernels = kernels
    self.prefix = TransformLanes(prefix, modelCount: modelNames.count, kernels: kernels)
    self.mask = TransformLanes(mask, modelCount: modelNames.count, kernels: kernels)
    buffers = BlockBuffers(modelCount: modelNames.count, blockElements: prefix.blockElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    whole = modelNames.map { _ in MagnitudeSum() }
    kept = modelNames.map { _ in MagnitudeSum() }
  }

  /// Prepares the mask.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What the mask or a stage before it throws.
  public func begin(_ strip: Strip) throws {
    try prefix.begin(strip)
    try mask.begin(strip)
  }

  /// Adds a chunk up.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: `StageError` if a weight is not finite.
  public func process(_ chunk: Chunk) throws {
    for block in chunk.blocks(of: buffers.blockElements) where chunk.hasBase(block) {
      try delta.widenBase(chunk, block)
      for model in whole.indices {
        try delta.takeDelta(model, chunk, block)
        let values = unsafe buffers.delta(of: model)
        let first = chunk.elements.lowerBound + block.lowerBound
        try unsafe prefix.apply(to: values, count: block.count, firstElement: first, model: model)
        unsafe whole[model].add(values, count: block.count, kernels: kernels)
        try unsafe mask.apply(to: values, count: block.count, firstElement: first, model: model)
        unsafe kept[model].add(values, count: block.count, kernels: kernels)
      }
    }
  }

  /// Keeps the sums of a strip.
  ///
  /// - Parameter strip: The strip.
  public func end(_ strip: Strip) {
    for model in whole.indices {
      sums.add(
        whole: whole[model].finish(), kept: kept[model].finish(), task: strip.task.ordinal,
        model: model)
    }
  }
}
