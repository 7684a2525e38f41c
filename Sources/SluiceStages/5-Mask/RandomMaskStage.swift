internal import SluiceCore
package import SluiceKernels

/// Where the random numbers of a tensor start: the same for every seed, model and name, whatever the
/// order in which tensors are visited.
///
/// Formula: mix(seed + G * (model + 1)) xor fnv1a64(name), modulo 2^64, with G = 0x9e3779b97f4a7c15
/// and `mix` the finaliser of splitmix64.
package enum DrawStart {
  /// Where they start.
  package static func start(seed: UInt64, model: Int, tensor: String) -> UInt64 {
    mixed(seed &+ 0x9e37_79b9_7f4a_7c15 &* UInt64(model + 1)) ^ fnv1a64(tensor)
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value >> 31
  }

  private static func fnv1a64(_ name: String) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }
}

/// Keeps deltas at random.
///
/// Source: DARE (arXiv 2311.03099), eq. 2, without the rescale.
///
/// Formula: element i is kept iff u24(i) >= round(rate * 2^24), u24 being a number drawn from the
/// seed, the model's position, the tensor's name and i alone. So a mask does not depend on how the
/// data is divided, and the masks of two rates are nested, which partitions need.
/// Deviation: the paper draws from a framework's generator in the order of the parameters.
package struct RandomMaskStage: DeltaTransform {
  private let rates: any RateSource
  private let seed: UInt64
  /// Which tensors it prunes.
  package let scope: TransformScope
  private let zeroesDropped: Bool

  /// Makes the stage.
  ///
  /// - Parameters:
  ///   - rates: The rates of each tensor's partitions.
  ///   - seed: Another one keeps others.
  ///   - scope: Which tensors it prunes.
  ///   - zeroesDropped: Whether dropped deltas become zero here; false where the next stage does it.
  package init(
    rates: any RateSource, seed: UInt64, scope: TransformScope, zeroesDropped: Bool = true
  ) {
    self.rates = rates
    self.seed = seed
    self.scope = scope
    self.zeroesDropped = zeroesDropped
  }

  /// The name in recipes.
  package var name: String { "random-mask" }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(stage: self, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private var limits: [UInt32] = []
    private let rates: any RateSource
    private let seed: UInt64
    private let model: Int
    private let kernels: Kernels
    private let zeroesDropped: Bool
    private var start: UInt64 = 0

    init(stage: RandomMaskStage, model: Int, kernels: Kernels) {
      rates = stage.rates
      seed = stage.seed
      zeroesDropped = stage.zeroesDropped
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      start = DrawStart.start(seed: seed, model: model, tensor: strip.task.name)
      limits = rates.partitionRates(of: strip.task, model: model).map {
        UInt32(($0.value * 0x1p24).rounded())
      }
    }

    func apply(to tile: DeltaTile) {
      precondition(!limits.isEmpty && limits.count <= tile.partitions.count)
      tile.partitions.activeCount = limits.count
      // SAFETY: each partition has words for a whole tile.
      unsafe kernels.keepDrawn(
        count: tile.count, start: start, first: tile.firstElement, atLeast: limits,
        keep: tile.partitions.filledPointers)
      guard zeroesDropped else { return }
      // The last partition contains the others.
      unsafe kernels.applyMask(
        tile.values, count: tile.count, keep: tile.partitions[limits.count - 1])
    }
  }
}
