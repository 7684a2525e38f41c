package import SluiceKernels

/// Multiplies what is left of a linear layer's deltas by its partition's factor: dynamic partition
/// amplification (DPPA section 3.3).
package struct AmplifyStage: DeltaTransform {
  private let ringFactors: [@Sendable (Int) -> [Float]]
  private let zeroesDropped: Bool

  /// Makes the stage for tensors that all have the same partitions.
  ///
  /// - Parameters:
  ///   - ringFactors: For each model, the factor of each ring, most severe first.
  ///   - zeroesDropped: Whether the mask left it to this stage to set dropped deltas to zero.
  package init(ringFactors: [[Float]], zeroesDropped: Bool = false) {
    self.ringFactors = ringFactors.map { factors in { _ in factors } }
    self.zeroesDropped = zeroesDropped
  }

  /// Makes the stage for tensors that differ in their number of partitions.
  ///
  /// - Parameters:
  ///   - ringFactors: For each model, what gives the factor of each ring, most severe first, for a
  ///     number of partitions.
  ///   - zeroesDropped: Whether the mask left it to this stage to set dropped deltas to zero.
  package init(
    ringFactorsByCount ringFactors: [@Sendable (Int) -> [Float]], zeroesDropped: Bool = false
  ) {
    self.ringFactors = ringFactors
    self.zeroesDropped = zeroesDropped
  }

  /// The name in recipes.
  package var name: String { "amplify" }
  /// Linear layers only.
  package var scope: TransformScope { .linear }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(
      factorsByCount: ringFactors[model], zeroesDropped: zeroesDropped, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let factorsByCount: @Sendable (Int) -> [Float]
    private var factors: [Float] = []
    private var isOne = false
    private let zeroesDropped: Bool
    private let kernels: Kernels

    init(
      factorsByCount: @escaping @Sendable (Int) -> [Float], zeroesDropped: Bool, kernels: Kernels
    ) {
      self.factorsByCount = factorsByCount
      self.zeroesDropped = zeroesDropped
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {}

    func apply(to tile: DeltaTile) {
      let count = tile.partitions.activeCount
      if factors.count != count {
        factors = factorsByCount(count)
        precondition(factors.count == count, "a factor for each partition")
        isOne = factors.allSatisfy { $0 == 1 }
      }
      if zeroesDropped {
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
