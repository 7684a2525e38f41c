package import SluiceKernels

/// Multiplies what is left of a linear layer's deltas by its partition's factor: dynamic partition
/// amplification (DPPA section 3.3).
package struct AmplifyStage: DeltaTransform {
  /// What the mask before it left to do.
  package enum Rest: Sendable, Hashable, CaseIterable {
    /// Multiplying.
    case factors
    /// Setting dropped deltas to zero, too.
    case factorsAndZeros
    /// Nothing: a `MaskStage` has multiplied.
    case nothing
  }

  private let ringFactors: RingFactors
  private let rest: Rest

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - ringFactors: The factor of each ring.
  ///   - rest: What the mask left to do.
  package init(_ ringFactors: RingFactors, rest: Rest = .factors) {
    self.ringFactors = ringFactors
    self.rest = rest
  }

  /// The name in recipes.
  package var name: String { "amplify" }
  /// Linear layers only.
  package var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let stage: AmplifyStage
    private let model: Int
    private var factors: [Float] = []
    private var isOne = false
    private let kernels: Kernels

    init(stage: AmplifyStage, model: Int, kernels: Kernels) {
      self.stage = stage
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {}

    var changesNothing: Bool { stage.rest == .nothing }

    func apply(to tile: DeltaTile) {
      let count = tile.partitions.activeCount
      if factors.count != count {
        factors = stage.ringFactors.factors(model: model, partitionCount: count)
        isOne = factors.allSatisfy { $0 == 1 }
      }
      if stage.rest == .factorsAndZeros {
        unsafe kernels.prune(
          tile.values, count: tile.count, partitions: tile.partitions.pointers,
          factors: factors, partitionCount: factors.count)
      } else if !isOne {
        unsafe kernels.amplify(
          tile.values, count: tile.count, partitions: tile.partitions.pointers,
          factors: factors, partitionCount: factors.count)
      }
    }
  }
}
