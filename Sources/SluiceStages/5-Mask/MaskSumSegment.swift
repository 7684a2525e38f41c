package import SluiceKernels
internal import Synchronization

/// The exact sums of |delta| of each tensor and model, before and after a mask.
package final class MaskSums: Sendable {
  private struct Pair {
    var whole = ExactSum()
    var kept = ExactSum()
  }

  private let modelCount: Int
  private let sums: Mutex<[Pair]>

  /// Makes empty sums.
  package init(taskCount: Int, modelCount: Int) {
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
  package func factor(of task: TensorTask, model: Int) -> Float {
    let pair = sums.withLock { $0[task.ordinal * modelCount + model] }
    let kept = pair.kept.value
    return kept > 0 ? Float(pair.whole.value / kept) : 1
  }
}

/// A pass that adds up what a mask finds and what it leaves.
package final class MaskSumSegment: LaneSegment {
  private let sums: MaskSums
  private let delta: DeltaStage
  private let buffers: TileBuffers
  private let kernels: Kernels
  private let prefix: TransformLanes
  private let mask: TransformLanes
  private let whole: [MagnitudeSum]
  private let kept: [MagnitudeSum]

  /// Makes the segment of one lane.
  package init(
    modelNames: [String], sums: MaskSums, kernels: Kernels, prefix: TransformChain = .empty,
    mask: TransformChain
  ) {
    self.sums = sums
    self.kernels = kernels
    self.prefix = TransformLanes(prefix, modelCount: modelNames.count, kernels: kernels)
    self.mask = TransformLanes(mask, modelCount: modelNames.count, kernels: kernels)
    buffers = TileBuffers(modelCount: modelNames.count, tileElements: prefix.tileElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
    whole = modelNames.map { _ in MagnitudeSum() }
    kept = modelNames.map { _ in MagnitudeSum() }
  }

  /// Prepares the mask.
  package func begin(_ strip: Strip) throws {
    try prefix.begin(strip)
    try mask.begin(strip)
  }

  /// Adds a chunk up.
  package func process(_ chunk: Chunk) throws {
    for tile in chunk.tiles(of: buffers.tileElements) where chunk.hasBase(tile) {
      try delta.widenBase(chunk, tile)
      for model in whole.indices {
        try delta.takeDelta(model, chunk, tile)
        let values = unsafe buffers.delta(of: model)
        let first = chunk.elements.lowerBound + tile.lowerBound
        try unsafe prefix.apply(to: values, count: tile.count, firstElement: first, model: model)
        unsafe whole[model].add(values, count: tile.count, kernels: kernels)
        try unsafe mask.apply(to: values, count: tile.count, firstElement: first, model: model)
        unsafe kept[model].add(values, count: tile.count, kernels: kernels)
      }
    }
  }

  /// Keeps the sums of a strip.
  package func end(_ strip: Strip) {
    for model in whole.indices {
      sums.add(
        whole: whole[model].finish(), kept: kept[model].finish(), task: strip.task.ordinal,
        model: model)
    }
  }
}
