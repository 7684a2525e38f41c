internal import SluiceKernels
internal import Synchronization

/// The sums of squares of deltas that were computed, and of the base's weights under them, strip by strip:
/// what says how much an adapter changes.
package final class DeltaNorms: Sendable {
  /// The sums of one strip, or of several.
  package struct Sums: Sendable, Hashable {
    /// Of the base's weights.
    package var base: Double
    /// Of each model's deltas; 0 where none are computed.
    package var models: [Double]

    /// Describes sums.
    package init(base: Double, models: [Double]) {
      self.base = base
      self.models = models
    }
  }

  private let sums = Mutex<[Int: Sums]>([:])

  /// Makes an empty list.
  package init() {}

  /// Keeps the sums of a strip.
  package func put(_ strip: Int, _ values: Sums) { sums.withLock { $0[strip] = values } }

  /// The sums of a strip, if they are known.
  package func sums(of strip: Int) -> Sums? { sums.withLock { $0[strip] } }

  /// The bytes that the list takes in memory when all strips are there.
  package static func byteCount(stripCount: Int, modelCount: Int) -> Int {
    stripCount * (128 + 8 * modelCount)
  }
}

/// Adds up the squares of the strips of one lane.
final class NormMeter {
  private let norms: DeltaNorms
  private let kernels: Kernels
  private let modelCount: Int
  /// 16 sums for the base, then for each model.
  private let sums: AlignedBuffer<Double>
  private var computed: [Bool] = []
  private var isActive = false

  init(_ norms: DeltaNorms, modelCount: Int, kernels: Kernels) {
    self.norms = norms
    self.kernels = kernels
    self.modelCount = modelCount
    sums = AlignedBuffer(count: (modelCount + 1) * Kernels.squareSumCount, fill: 0)
  }

  func begin(_ strip: Strip) {
    computed = strip.task.fineTuned.map { $0?.computed != nil }
    isActive = computed.contains(true)
    if isActive { sums.fill(0) }
  }

  /// Adds the base's weights of a tile.
  func addBase(_ buffers: TileBuffers, count: Int) {
    guard isActive else { return }
    unsafe kernels.addSquares(buffers.base.pointer, count: count, to: sums.pointer)
  }

  /// Adds a model's deltas of a tile.
  func add(_ model: Int, _ buffers: TileBuffers, count: Int) {
    guard isActive, computed[model] else { return }
    unsafe kernels.addSquares(
      buffers.delta(of: model), count: count,
      to: sums.pointer + (model + 1) * Kernels.squareSumCount)
  }

  func end(_ strip: Strip) {
    guard isActive else { return }
    func total(_ position: Int) -> Double {
      // SAFETY: the buffer holds 16 sums for the base and for each model.
      unsafe Kernels.total(of: sums.pointer + position * Kernels.squareSumCount)
    }
    norms.put(
      strip.ordinal,
      DeltaNorms.Sums(base: total(0), models: (0..<modelCount).map { total($0 + 1) }))
  }
}
