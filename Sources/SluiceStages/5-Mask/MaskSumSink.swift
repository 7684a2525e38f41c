package import SluiceKernels
internal import Synchronization

/// The exact sums of |delta| of each tensor and model, before and after a mask.
package final class MaskSums: Sendable {
  /// The sums of one model.
  package struct Pair: Sendable {
    /// Before the mask.
    package var whole = ExactSum()
    /// After it.
    package var kept = ExactSum()

    /// Makes sums; empty ones if nothing is said.
    package init(whole: ExactSum = ExactSum(), kept: ExactSum = ExactSum()) {
      self.whole = whole
      self.kept = kept
    }
  }

  private let modelCount: Int
  private let sums: Mutex<[Pair]>

  /// Makes empty sums.
  package init(taskCount: Int, modelCount: Int) {
    self.modelCount = modelCount
    sums = Mutex(Array(repeating: Pair(), count: taskCount * modelCount))
  }

  /// Adds the sums of a strip, model by model; strips come in any order.
  package func add(_ pairs: [Pair], to task: TensorTask) {
    sums.withLock { sums in
      for (model, pair) in pairs.enumerated() {
        sums[task.ordinal * modelCount + model].whole.add(pair.whole)
        sums[task.ordinal * modelCount + model].kept.add(pair.kept)
      }
    }
  }
}

extension MaskSums {
  /// The sums of a tensor.
  package func sums(of task: TensorTask, model: Int) -> (whole: Double, kept: Double) {
    let pair = sums.withLock { $0[task.ordinal * modelCount + model] }
    return (pair.whole.value, pair.kept.value)
  }
}

extension MaskSums: FactorSource {
  /// What makes up for the removed deltas: whole / kept, a quotient of Doubles rounded to Float32; 1
  /// if nothing is kept.
  package func factor(of task: TensorTask, model: Int) -> Float {
    let pair = sums.withLock { $0[task.ordinal * modelCount + model] }
    let kept = pair.kept.value
    return kept > 0 ? Float(pair.whole.value / kept) : 1
  }
}

/// Adds up what a mask finds and what it leaves.
package final class MaskSumSink: TileSink {
  private let didSum: (Strip, [MaskSums.Pair]) -> Void
  private let kernels: Kernels
  private let mask: TransformLanes
  private let whole: [MagnitudeSum]
  private let kept: [MagnitudeSum]

  /// Makes the sink of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - mask: The mask.
  ///   - kernels: The kernels to add up with.
  ///   - didSum: Takes the sums of each strip, model by model.
  package init(
    modelCount: Int, mask: TransformChain, kernels: Kernels,
    didSum: @escaping (Strip, [MaskSums.Pair]) -> Void
  ) {
    self.didSum = didSum
    self.kernels = kernels
    self.mask = TransformLanes(mask, modelCount: modelCount, kernels: kernels)
    whole = (0..<modelCount).map { _ in MagnitudeSum() }
    kept = (0..<modelCount).map { _ in MagnitudeSum() }
  }

  /// The bytes of the sums of one lane.
  package static func byteCount(modelCount: Int) -> Int { 2 * modelCount * MagnitudeSum.byteCount }

  /// All models together.
  package var order: DeltaOrder { .tileByTile }

  /// Prepares the mask.
  package func begin(_ strip: Strip) throws -> StripRequest {
    try mask.begin(strip)
    return StripRequest(models: Array(whole.indices))
  }

  /// Adds a tile up.
  package func take(_ tile: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) throws {
    let first = chunk.elements.lowerBound + tile.lowerBound
    for model in whole.indices {
      let values = unsafe buffers.delta(of: model)
      unsafe whole[model].add(values, count: tile.count, kernels: kernels)
      try unsafe mask.apply(to: values, count: tile.count, firstElement: first, model: model)
      unsafe kept[model].add(values, count: tile.count, kernels: kernels)
    }
  }

  /// Gives the sums of a strip.
  package func end(_ strip: Strip) {
    didSum(
      strip,
      whole.indices.map { MaskSums.Pair(whole: whole[$0].finish(), kept: kept[$0].finish()) })
  }
}
