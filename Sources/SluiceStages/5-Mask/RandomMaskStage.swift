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

  /// Makes the stage.
  package init(rates: any RateSource, seed: UInt64, scope: TransformScope) {
    self.rates = rates
    self.seed = seed
    self.scope = scope
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
    private let draws = AlignedBuffer<UInt32>(count: Granularity.tileElements, fill: 0)
    private var start: UInt64 = 0

    init(stage: RandomMaskStage, model: Int, kernels: Kernels) {
      rates = stage.rates
      seed = stage.seed
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
      for first in stride(from: 0, to: tile.count, by: Granularity.tileElements) {
        let count = min(Granularity.tileElements, tile.count - first)
        // SAFETY: a piece has no more elements than the buffer, and begins with a word of its own.
        unsafe kernels.draw(
          into: draws.pointer, count: count, start: start, first: tile.firstElement + first)
        for (partition, limit) in limits.enumerated() {
          _ = unsafe kernels.keepDrawn(
            draws.pointer, count: count, atLeast: limit,
            keep: tile.partitions[partition] + first / 64)
        }
      }
      // The last partition contains the others.
      unsafe kernels.applyMask(
        tile.values, count: tile.count, keep: tile.partitions[limits.count - 1])
    }
  }
}
