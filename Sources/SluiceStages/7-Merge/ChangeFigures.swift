internal import SluiceKernels
internal import Synchronization

/// How a merge changed tensors: sizes, likenesses and overlaps of what it had in its hands.
///
/// Of a large tensor only some tiles are looked at, chosen by their position alone; the sums over those are
/// the same for every chunk size and number of lanes.
package final class ChangeFigures: Sendable {
  /// The number of models.
  package let modelCount: Int
  /// Whether deltas are those of the models: not where a solution or a frame stands in their place.
  private let isWhole: @Sendable (TensorTask) -> Bool
  private let strips: Mutex<Known>

  /// Makes empty figures.
  ///
  /// - Parameters:
  ///   - modelCount: The number of models.
  ///   - stripCount: About the number of strips, for which room is made at once: lanes would wait while it grows.
  ///   - isWhole: Whether a tensor's deltas are all there.
  package init(
    modelCount: Int, stripCount: Int, isWhole: @escaping @Sendable (TensorTask) -> Bool
  ) {
    self.modelCount = modelCount
    self.isWhole = isWhole
    strips = Mutex(Known(modelCount: modelCount, stripCount: stripCount))
  }

  /// The bytes of the figures of a strip.
  package static func byteCount(modelCount: Int) -> Int {
    let pairs = modelCount * (modelCount + 1) + modelCount
    return 160 + MemoryLayout<Sums>.stride + pairs * MemoryLayout<Comparison>.stride
      + modelCount * DeltaSizes.classCount * 4
  }

  /// Whether a tensor is looked at.
  package func covers(_ task: TensorTask) -> Bool {
    [.linear, .dense, .averaged].contains(task.role) && isWhole(task)
  }

  /// Keeps the figures of a strip.
  package func set(_ sums: Sums, strip: Int) {
    var batch = Batch()
    batch.add(sums, strip: strip)
    set(batch)
  }

  /// Keeps the figures of strips.
  func set(_ batch: Batch) {
    guard !batch.strips.isEmpty else { return }
    strips.withLock { $0.set(batch) }
  }

  /// The figures of strips, of each if they are known.
  package func sums(strips: [Int]) -> [Sums?] {
    self.strips.withLock { known in strips.map { known.sums(strip: $0) } }
  }

  /// The figures of a tensor; nil if nothing of it was looked at.
  ///
  /// Strips are added up in order, so that the last bit does not depend on which lane was first.
  package func sums(of task: TensorTask, stripCount: Int) -> Sums? {
    known.sums(of: task, stripCount: stripCount)
  }

  /// The figures that are known by now, which many threads can look at.
  package var known: Known { strips.withLock { $0 } }
}

/// Which units of a tensor's elements are looked at, each of `Granularity.tileElements`.
struct TileSample {
  private let mask: UInt64

  /// Chooses so many that looking costs little, and enough for two digits.
  ///
  /// Small tensors may be many: a sixteenth of them is looked at, or 2 units.
  init(_ task: TensorTask, modelCount: Int) {
    let part = task.elementCount / 16
    let enough = min(32 * Granularity.tileElements, max(part, 2 * Granularity.tileElements))
    // With more models there is more to compare than to merge.
    let most = 1024 * max(1, modelCount / 2)
    var stride = 1
    while stride < most, task.elementCount / (2 * stride) >= enough { stride *= 2 }
    mask = UInt64(stride - 1)
  }

  /// Whether the unit with an element is one of them: every so many-th on average, scattered, as
  /// rows and heads come in regular distances.
  func contains(_ element: Int) -> Bool {
    let tile = UInt64(element / Granularity.tileElements)
    return (tile &* 0x9e37_79b9_7f4a_7c15) >> 40 & mask == 0
  }
}
