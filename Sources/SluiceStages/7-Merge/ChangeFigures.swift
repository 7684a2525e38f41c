package import SluiceKernels
internal import Synchronization

/// How a merge changed tensors: sizes, likenesses and overlaps of what it had in its hands.
///
/// Of a large tensor only some tiles are looked at, chosen by their position alone; the sums over those are
/// the same for every chunk size and number of lanes.
package final class ChangeFigures: Sendable {
  /// The sums over the elements looked at, of a strip or of a tensor.
  package struct Sums: Sendable, Hashable {
    /// How many elements were looked at.
    package var count = 0
    /// The base's weights with themselves.
    package var base = Comparison()
    /// What is added to the base's weights with itself.
    package var merged = Comparison()
    /// The models' deltas with each other, as they came: pair (0, 0), (0, 1), (1, 1), (0, 2) and so on.
    package var changes: [Comparison]
    /// The same of what the stages left of them.
    package var kept: [Comparison]
    /// What is added to the base's weights with each model's deltas as they came.
    package var shares: [Comparison]
    /// How many of each model's deltas, as they came, are of which class of `DeltaSizes`.
    package var sizes: [UInt32]

    /// Sums of nothing.
    package init(modelCount: Int) {
      changes = Array(repeating: Comparison(), count: modelCount * (modelCount + 1) / 2)
      kept = changes
      shares = Array(repeating: Comparison(), count: modelCount)
      sizes = Array(repeating: 0, count: modelCount * DeltaSizes.classCount)
    }

    /// Where a pair of models is in `changes` and `kept`.
    package static func index(_ first: Int, _ second: Int) -> Int {
      let (low, high) = (min(first, second), max(first, second))
      return high * (high + 1) / 2 + low
    }

    mutating func add(_ other: Sums) {
      count += other.count
      base += other.base
      merged += other.merged
      for index in changes.indices {
        changes[index] += other.changes[index]
        kept[index] += other.kept[index]
      }
      for index in shares.indices { shares[index] += other.shares[index] }
      // At most as many as there are elements: what is looked at of a tensor has less than 2^32.
      for index in sizes.indices {
        sizes[index] = sizes[index].addingReportingOverflow(other.sizes[index]).partialValue
      }
    }
  }

  /// The number of models.
  package let modelCount: Int
  /// Whether deltas are those of the models: not where a solution or a frame stands in their place.
  private let isWhole: @Sendable (TensorTask) -> Bool
  private let strips: Mutex<[Int: Sums]>

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
    strips = Mutex(Dictionary(minimumCapacity: stripCount))
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
  package func set(_ sums: Sums, strip: Int) { strips.withLock { $0[strip] = sums } }

  /// The figures of a strip, if they are known.
  package func sums(strip: Int) -> Sums? { strips.withLock { $0[strip] } }

  /// The figures of a tensor; nil if nothing of it was looked at.
  ///
  /// Strips are added up in order, so that the last bit does not depend on which lane was first.
  package func sums(of task: TensorTask, stripCount: Int) -> Sums? {
    known.sums(of: task, stripCount: stripCount)
  }

  /// The figures that are known by now, which many threads can look at.
  package var known: Known { Known(strips: strips.withLock { $0 }) }

  /// Figures that nobody adds to.
  package struct Known: Sendable {
    fileprivate let strips: [Int: Sums]

    /// The figures of a tensor; nil if nothing of it was looked at.
    package func sums(of task: TensorTask, stripCount: Int) -> Sums? {
      (task.firstStrip..<task.firstStrip + stripCount).reduce(into: nil) { whole, strip in
        guard let sums = strips[strip] else { return }
        if whole == nil { whole = sums } else { whole?.add(sums) }
      }
    }
  }
}

/// Which units of a tensor's elements are looked at, each of `Granularity.tileElements`.
struct TileSample {
  private let mask: UInt64

  /// Chooses so many that looking costs little, and enough for two digits.
  ///
  /// Small tensors may be many: an eighth of them is looked at, or 3 units.
  init(_ task: TensorTask, modelCount: Int) {
    let eighth = task.elementCount / 8
    let enough = min(32 * Granularity.tileElements, max(eighth, 3 * Granularity.tileElements))
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
