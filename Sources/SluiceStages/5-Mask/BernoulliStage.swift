package import SluiceCore
package import SluiceKernels

/// Keeps each delta with a probability that is a tensor's own, and draws for each element by itself.
///
/// Formula: element i is kept iff u24(i) >= round((1 - p) 2^24), u24 as `RandomMaskStage` draws it. A density of 1
/// and more keeps everything.
/// Source: DARE (arXiv 2311.03099), eq. 2.
package struct BernoulliStage: DeltaTransform {
  private let setup: StepSetup
  private let seed: UInt64

  /// Makes the stage.
  package init(_ setup: StepSetup, seed: UInt64) {
    self.setup = setup
    self.seed = seed
  }

  /// The name in plans.
  package var name: String { "draw" }
  /// All tensors that are merged.
  package var scope: TransformScope { .all }
  /// Room for the bits.
  package var needs: StageNeeds { StageNeeds(laneByteCount: Granularity.tileElements / 8) }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let stage: BernoulliStage
    private let model: Int
    private let kernels: Kernels
    private let keep = AlignedBuffer<UInt64>(count: Granularity.tileElements / 64, fill: 0)
    private var start: UInt64 = 0
    private var limit: UInt32?

    init(_ stage: BernoulliStage, model: Int, kernels: Kernels) {
      (self.stage, self.model, self.kernels) = (stage, model, kernels)
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      let density = stage.setup.number("density", strip.task, model: model)
      let dtype = stage.setup.working.dtype(of: strip.task)
      start = DrawStart.start(seed: stage.seed, model: model, tensor: strip.task.name)
      limit = BernoulliStage.limit(density: density, dtype)
    }

    var changesNothing: Bool { limit == nil }

    func apply(to tile: DeltaTile) {
      guard let limit else { return }
      for first in stride(from: 0, to: tile.count, by: Granularity.tileElements) {
        let count = min(Granularity.tileElements, tile.count - first)
        // SAFETY: a piece has no more elements than there are bits, and lies in the tile.
        unsafe kernels.keepDrawn(
          count: count, start: start, first: tile.firstElement + first, atLeast: limit,
          keep: keep.pointer)
        unsafe kernels.applyMask(tile.values + first, count: count, keep: keep.pointer)
      }
    }
  }
}

extension BernoulliStage {
  /// The smallest number of 24 bits that keeps an element; nil if all are kept.
  ///
  /// The probability itself is rounded to BF16 where that is the working type; in F16 it is drawn in Float32.
  package static func limit(density: Double, _ dtype: DType) -> UInt32? {
    guard density < 1 else { return nil }
    let probability = StepArithmetic.rounded(Float(density), to: dtype == .bf16 ? .bf16 : .f32)
    let limit = ((1 - Double(max(probability, 0))) * 0x1p24).rounded()
    return UInt32(limit)
  }
}
