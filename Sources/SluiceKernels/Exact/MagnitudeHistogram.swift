// Goals, in order: every answer is the exact one or a request for detail, never an estimate; the
// same whatever the order in which elements were counted; small enough to keep one for each tensor.

/// The multiset of |delta| of one tensor and model, as far as it was counted: magnitudes with their
/// numbers, and bins whose inside is known only by number and sum.
///
/// Deltas of 16-bit weights have so few distinct magnitudes that all of them are counted one by one.
/// For F32 weights neighbours share a bin; `Unresolved` then names the bin that a question needs in
/// detail, and `resolve` puts the detail in its place after one more look at the data.
public struct MagnitudeHistogram: Sendable, Hashable {
  /// A run of neighbouring magnitudes.
  public struct Entry: Sendable, Hashable {
    /// The Float32 bit pattern of the smallest magnitude.
    @usableFromInline package var bits: UInt32
    /// How many patterns the run spans: 1 for one exact magnitude, `binWidth` for a bin.
    @usableFromInline package var span: UInt32
    /// How many elements lie in it.
    @usableFromInline package var count: UInt64
    /// The sum over the elements of their pattern's distance from `bits`; 0 for a span of 1.
    @usableFromInline package var offsetSum: UInt64

    /// Describes a run.
    ///
    /// - Parameters:
    ///   - bits: The pattern of the smallest magnitude.
    ///   - span: How many patterns the run spans.
    ///   - count: How many elements lie in it.
    ///   - offsetSum: The sum of their distances from `bits`.
    @inlinable
    package init(bits: UInt32, span: UInt32 = 1, count: UInt64, offsetSum: UInt64 = 0) {
      self.bits = bits
      self.span = span
      self.count = count
      self.offsetSum = offsetSum
    }

    /// The largest pattern of the run.
    package var lastBits: UInt32 { bits + (span - 1) }
  }

  /// A question fell inside a bin: count its magnitudes one by one and `resolve` it.
  public struct Unresolved: Error, Hashable {
    /// The pattern that the bin begins with.
    public let binBits: UInt32

    /// Names a bin.
    ///
    /// - Parameter binBits: The pattern that the bin begins with.
    package init(binBits: UInt32) { self.binBits = binBits }
  }

  /// The number of patterns in a bin, as a power of two: bins never cross a binade.
  package static let binShift = 15
  /// The number of patterns in a bin.
  package static let binWidth: UInt32 = 1 << 15

  /// The runs, ascending, without overlap; zero is the pattern 0 with a span of 1.
  package private(set) var entries: [Entry]

  /// Wraps runs.
  ///
  /// - Parameter entries: The runs, ascending and without overlap.
  package init(_ entries: [Entry]) {
    self.entries = entries
  }

  /// Whether any bin is known by number and sum alone.
  package var hasBins: Bool { entries.contains { $0.span > 1 } }

  /// The number of elements counted.
  public var elementCount: Int { entries.reduce(0) { $0 + Int($1.count) } }

  /// The number of elements that are exactly zero, or the bin to resolve first.
  ///
  /// - Returns: The number.
  /// - Throws: `Unresolved` if zero lies inside a bin.
  public func zeroCount() throws(Unresolved) -> Int {
    guard let first = entries.first, first.bits == 0 else { return 0 }
    if first.span == 1 { return Int(first.count) }
    throw Unresolved(binBits: 0)
  }

  /// The exact sum of all magnitudes, rounded once to a Double.
  public var sum: Double { exactSum.value }

  /// The exact sum of all magnitudes.
  package var exactSum: ExactSum { exactSum(from: 0) }

  /// The exact sum of the magnitudes above a bound, rounded once to a Double.
  ///
  /// Formula: sum of |x| over |x| > bound, strictly. Source: DPPA eq. 2 (S_l).
  ///
  /// - Parameter bound: The bound, not negative.
  /// - Returns: The sum.
  /// - Throws: `Unresolved` if the bound lies inside a bin.
  public func sum(above bound: Double) throws(Unresolved) -> Double {
    exactSum(from: try firstEntry(above: bound)).value
  }

  /// The number of magnitudes above a bound, strictly.
  ///
  /// - Parameter bound: The bound, not negative.
  /// - Returns: The number of elements.
  /// - Throws: `Unresolved` if the bound lies inside a bin.
  public func count(above bound: Double) throws(Unresolved) -> Int {
    entries[try firstEntry(above: bound)...].reduce(0) { $0 + Int($1.count) }
  }

  /// The number of elements of exactly the given magnitude.
  ///
  /// - Parameter bits: The Float32 pattern.
  /// - Returns: The number of elements.
  /// - Throws: `Unresolved` if the pattern lies inside a bin.
  package func count(of bits: UInt32) throws(Unresolved) -> Int {
    let index = firstIndex { $0.lastBits >= bits }
    guard index < entries.count, entries[index].bits <= bits else { return 0 }
    guard entries[index].span == 1 else { throw Unresolved(binBits: entries[index].bits) }
    return Int(entries[index].count)
  }

  /// Where a pruning rate cuts.
  ///
  /// Edge cases: rate <= 0 keeps all non-zero elements, rate >= 1 none; if fewer elements are
  /// non-zero than the rate would keep, all of them are kept.
  ///
  /// - Parameters:
  ///   - rate: The pruning rate of this tensor.
  ///   - tieBreak: Who is kept at the border.
  /// - Returns: The cut.
  /// - Throws: `Unresolved` if the border lies inside a bin.
  package func cut(rate: Double, tieBreak: TieBreak) throws(Unresolved) -> Cut {
    let all = elementCount
    if rate <= 0, all > 0 {
      return Cut(thresholdBits: 0, above: all - (try zeroCount()), tied: 0, keptOfTied: 0)
    }
    return try cut(keeping: Cut.keptCount(rate: rate, of: all), of: all, tieBreak: tieBreak)
  }

  /// Where a number of kept elements cuts.
  ///
  /// Edge cases: if fewer elements are non-zero, all of them are kept.
  ///
  /// - Parameters:
  ///   - wanted: How many elements are kept, at most all.
  ///   - tieBreak: Who is kept at the border.
  /// - Returns: The cut.
  /// - Throws: `Unresolved` if the border lies inside a bin.
  package func cut(keeping wanted: Int, tieBreak: TieBreak) throws(Unresolved) -> Cut {
    try cut(keeping: wanted, of: elementCount, tieBreak: tieBreak)
  }

  private func cut(
    keeping wanted: Int, of all: Int, tieBreak: TieBreak
  ) throws(Unresolved) -> Cut {
    guard wanted > 0 else { return .none }
    let nonZero = all - (try zeroCount())
    if wanted > nonZero {
      return Cut(thresholdBits: 0, above: nonZero, tied: 0, keptOfTied: 0)
    }
    var above = 0
    var index = entries.count - 1
    while above + Int(entries[index].count) < wanted {
      above += Int(entries[index].count)
      index -= 1
    }
    let border = entries[index]
    guard border.span == 1 else { throw Unresolved(binBits: border.bits) }
    let tied = Int(border.count)
    let keptOfTied =
      switch tieBreak {
      case .spread, .index: wanted - above
      case .drop: 0
      case .keep: tied
      }
    return Cut(thresholdBits: border.bits, above: above, tied: tied, keptOfTied: keptOfTied)
  }

  /// Adds the elements of another histogram; exact magnitudes inside the other's bins join the bin.
  ///
  /// - Parameter other: The histogram of other elements of the same tensor and model.
  package mutating func merge(_ other: MagnitudeHistogram) {
    guard !entries.isEmpty else {
      entries = other.entries
      return
    }
    var merged: [Entry] = []
    merged.reserveCapacity(Swift.max(entries.count, other.entries.count) + 16)
    var (mine, theirs) = (0, 0)
    while mine < entries.count || theirs < other.entries.count {
      let takeMine =
        theirs == other.entries.count
        || (mine < entries.count && entries[mine].comes(before: other.entries[theirs]))
      let next = takeMine ? entries[mine] : other.entries[theirs]
      if takeMine { mine += 1 } else { theirs += 1 }
      if let last = merged.indices.last, merged[last].lastBits >= next.bits {
        merged[last].absorb(next)
      } else {
        merged.append(next)
      }
    }
    entries = merged
  }

  /// Replaces a bin by its magnitudes one by one.
  ///
  /// - Parameters:
  ///   - binBits: The pattern that the bin begins with.
  ///   - detail: The exact magnitudes in it, ascending.
  /// - Returns: Whether the detail has the number and sum that were counted before.
  package mutating func resolve(binBits: UInt32, with detail: [Entry]) -> Bool {
    let index = firstIndex { $0.bits >= binBits }
    guard index < entries.count, entries[index].bits == binBits, entries[index].span > 1 else {
      return true  // The magnitudes there, if any, are exact already.
    }
    let bin = entries[index]
    let count = detail.reduce(0) { $0 + $1.count }
    let offsetSum = detail.reduce(0) { $0 + $1.count * UInt64($1.bits - binBits) }
    guard count == bin.count, offsetSum == bin.offsetSum else { return false }
    entries.replaceSubrange(index...index, with: detail)
    return true
  }

  private func exactSum(from index: Int) -> ExactSum {
    var sum = ExactSum()
    for entry in entries[index...] {
      sum.add(magnitudeBits: entry.bits, count: entry.count)
      if entry.offsetSum > 0 { sum.add(units: entry.offsetSum, inBinadeOf: entry.bits) }
    }
    return sum
  }

  func firstEntry(above bound: Double) throws(Unresolved) -> Int {
    // The largest Float32 that is not above the bound: |x| > bound exactly if x's pattern is larger.
    let rounded = Float(bound)
    let largest = Double(rounded) > bound ? rounded.nextDown : rounded
    let index = firstIndex { $0.lastBits > largest.bitPattern }
    guard index < entries.count, entries[index].bits <= largest.bitPattern else { return index }
    throw Unresolved(binBits: entries[index].bits)
  }

  /// The first index whose entry satisfies a condition that holds for all later ones too.
  private func firstIndex(where holds: (Entry) -> Bool) -> Int {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if holds(entries[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}

extension MagnitudeHistogram.Entry {
  /// Whether this one begins earlier, or is the wider of two that begin alike.
  fileprivate func comes(before other: Self) -> Bool {
    bits < other.bits || (bits == other.bits && span > other.span)
  }

  /// Adds an entry that begins inside this one and does not end after it.
  fileprivate mutating func absorb(_ other: Self) {
    offsetSum += other.offsetSum + other.count * UInt64(other.bits - bits)
    count += other.count
  }
}
