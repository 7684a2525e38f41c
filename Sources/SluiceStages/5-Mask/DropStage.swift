package import SluiceCore
package import SluiceKernels

/// Drops deltas at random and scales up the rest: DARE as a stage of a chain, at any place between
/// the deltas and the merge.
///
/// Source: DARE (arXiv 2311.03099), eq. 2 and 3. It draws as `RandomMaskStage` does, so that alone in
/// a chain it gives what the pruning `dare` gives; partitions that a mask made before stay as they are.
package struct DropStage: DeltaTransform {
  private let mask: RandomMaskStage
  private let factor: Float

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - rate: The fraction to drop.
  ///   - seed: Another one drops others.
  ///   - scope: Which tensors it changes.
  ///   - isRescaled: Whether the rest is multiplied by 1 / (1 - rate).
  package init(rate: PruningRate, seed: UInt64, scope: TransformScope, isRescaled: Bool) {
    mask = RandomMaskStage(
      rates: SameRates([rate]), seed: seed, scope: scope, zeroesDropped: false)
    factor = isRescaled ? Float(1 / (1 - rate.value)) : 1
  }

  /// The name in recipes.
  package var name: String { "drop" }
  /// Which tensors it changes.
  package var scope: TransformScope { mask.scope }
  /// Room for the bits.
  package var needs: StageNeeds { StageNeeds(laneByteCount: Granularity.grainElements / 8) }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(mask.makeLane(model: model, kernels: kernels), factor: factor, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let mask: any LaneTransform
    private let factor: Float
    private let kernels: Kernels
    private let kept = PartitionMasks(count: 1, tileElements: Granularity.grainElements)

    init(_ mask: any LaneTransform, factor: Float, kernels: Kernels) {
      self.mask = mask
      self.factor = factor
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) throws {
      try mask.begin(strip, statistics: statistics)
    }

    func apply(to tile: DeltaTile) throws {
      // SAFETY: the same deltas, with bits of its own.
      let own = unsafe DeltaTile(
        values: tile.values, count: tile.count, firstElement: tile.firstElement,
        partitions: kept)
      try mask.apply(to: own)
      kernels.keepLast(own, times: factor)
    }
  }
}
