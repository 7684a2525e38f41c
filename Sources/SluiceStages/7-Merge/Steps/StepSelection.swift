package import SluiceKernels
internal import Synchronization

/// What a selection found in a tensor: the values at some ranks, and where the largest begin.
package struct StepSelection: Sendable {
  /// The values at the ranks that were asked for.
  package var values: [Float]
  /// The cut that keeps as many of the largest as were asked for; nil if none was.
  package var cut: Cut?
  /// For each strip, how many elements of earlier strips equal the cut's threshold.
  package var tiesBefore: [Int]

  /// States what was found.
  package init(values: [Float], cut: Cut? = nil, tiesBefore: [Int] = []) {
    self.values = values
    self.cut = cut
    self.tiesBefore = tiesBefore
  }

  /// Takes the number of elements of each strip that equal the threshold.
  package mutating func setTies(_ counts: [Int]) {
    var before = 0
    tiesBefore = counts.map { count in
      defer { before += count }
      return before
    }
  }

  /// The cut as a strip sees it.
  package func cut(of strip: Strip) -> StripCut? {
    cut.map { StripCut(cut: $0, tiesBefore: tiesBefore.isEmpty ? 0 : tiesBefore[strip.index]) }
  }
}

/// What is asked about the values of a tensor.
package enum StepQuestion: Sendable, Hashable {
  /// The values at the ranks int(q (n - 1)) of all n, the smallest first.
  case quantiles([Double])
  /// Where the int(share z) largest begin, z being the number of values that are not zero; none is negative.
  case largest(share: Double)
}

/// Makes of the inputs of an element the value that is asked about, in one lane.
package protocol StepValueRule: AnyObject {
  /// Prepares for a tensor.
  func begin(_ task: TensorTask, _ steps: StepArithmetic) throws

  /// The values of a tile, from whose inputs the base is taken off already.
  func values(of tile: StepTile, _ steps: StepArithmetic) throws -> StepRow
}

/// Counts values by their upper bits, then those of some bins by their lower bits.
package final class StepCounter {
  private let counts: AlignedBuffer<UInt64>
  private var bins: [UInt32] = []
  private var fine: [[UInt64]] = []
  /// How many values there were.
  package private(set) var count = 0
  /// How many of them are zero.
  package private(set) var zeros = 0

  /// Makes a counter.
  package init() { counts = AlignedBuffer(count: 1 << 16, fill: 0) }

  /// The bytes of tables.
  package static let byteCount = 4 * 8 << 16

  /// Begins with another tensor.
  package func clear() {
    counts.fill(0)
    (bins, fine, count, zeros) = ([], [], 0, 0)
  }

  /// A pattern that orders as values do.
  static func key(_ value: Float) -> UInt32 {
    // -0 and 0 are equal.
    let bits = (value == 0 ? 0 : value).bitPattern
    return bits >> 31 == 1 ? ~bits : bits | 0x8000_0000
  }

  static func value(_ key: UInt32) -> Float {
    Float(bitPattern: key >> 31 == 1 ? key & 0x7fff_ffff : ~key)
  }

  /// Counts values by their upper bits.
  package func add(_ row: StepRow, count: Int) {
    self.count += count
    for index in 0..<count {
      // SAFETY: the row has as many values, and keys have 16 upper bits.
      let value = unsafe row.pointer[index]
      let key = StepCounter.key(value)
      if value == 0 { zeros += 1 }
      unsafe counts.pointer[Int(key >> 16)] += 1
    }
  }

  /// The bins in which ranks lie.
  package func bins(of ranks: [Int]) -> [UInt32] { ranks.map { place($0).bin } }

  private func place(_ rank: Int) -> (bin: UInt32, rest: Int) {
    var rest = rank
    for bin in 0..<1 << 16 {
      let count = unsafe Int(counts.pointer[bin])
      if rest < count { return (UInt32(bin), rest) }
      rest -= count
    }
    return (0xffff, 0)
  }

  /// Prepares to look into bins.
  package func refine(_ bins: [UInt32]) {
    self.bins = Array(Set(bins)).sorted()
    fine = self.bins.map { _ in Array(repeating: 0, count: 1 << 16) }
  }

  /// Counts those values that lie in the bins.
  package func addFine(_ row: StepRow, count: Int) {
    for index in 0..<count {
      let key = unsafe StepCounter.key(row.pointer[index])
      if let bin = bins.firstIndex(of: key >> 16) { fine[bin][Int(key & 0xffff)] += 1 }
    }
  }

  /// The value at a rank, the smallest first; how many are smaller, and how many equal it.
  package func value(at rank: Int) -> (value: Float, below: Int, equal: Int) {
    let (bin, rest) = place(rank)
    let index = bins.firstIndex(of: bin)
    guard let index else {
      let count = unsafe Int(counts.pointer[Int(bin)])
      // The lower bits of a number are zero, and those of a negative one's key are ones.
      return (StepCounter.value(bin << 16 | (bin >> 15 == 1 ? 0 : 0xffff)), rank - rest, count)
    }
    var left = rest
    for low in fine[index].indices {
      let count = Int(fine[index][low])
      if left < count {
        return (StepCounter.value(bin << 16 | UInt32(low)), rank - left, count)
      }
      left -= count
    }
    return (0, 0, 0)
  }
}

extension StepCounter {
  /// The ranks that a question is about, once all values are counted by their upper bits.
  package func ranks(for question: StepQuestion) -> [Int] {
    switch question {
    case .quantiles(let shares): return shares.map { Int($0 * Double(count - 1)) }
    case .largest(let share):
      let kept = Int(Double(count - zeros) * share)
      return kept > 0 ? [count - kept] : []
    }
  }

  /// The answer to a question.
  package func answer(_ question: StepQuestion) -> StepSelection {
    let ranks = ranks(for: question)
    let values = ranks.map { value(at: $0) }
    guard case .largest = question else { return StepSelection(values: values.map(\.value)) }
    guard let rank = ranks.first, let first = values.first else {
      return StepSelection(values: [], cut: Cut.none)
    }
    let above = count - first.below - first.equal
    return StepSelection(
      values: [],
      cut: Cut(
        thresholdBits: first.value.bitPattern, above: above, tied: first.equal,
        keptOfTied: count - rank - above))
  }
}

extension StepRow {
  /// How many of the first numbers equal one.
  package func count(of number: Float, in count: Int) -> Int {
    var found = 0
    // SAFETY: the row has as many numbers.
    for index in 0..<count where unsafe pointer[index] == number { found += 1 }
    return found
  }
}

/// What was found in tensors.
package final class StepSelections: Sendable {
  private let found = Mutex<[Int: StepSelection]>([:])

  /// Makes an empty list.
  package init() {}

  /// Keeps what was found in a tensor.
  package func set(_ selection: StepSelection, of task: TensorTask) {
    found.withLock { $0[task.ordinal] = selection }
  }

  /// What was found in a tensor.
  package func selection(of task: TensorTask) -> StepSelection? {
    found.withLock { $0[task.ordinal] }
  }
}
