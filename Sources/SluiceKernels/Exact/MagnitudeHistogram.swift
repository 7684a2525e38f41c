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

  /// The smallest pattern of each run, ascending; zero is the pattern 0, and no bin.
  package private(set) var bits: [UInt32]
  /// How many elements lie in each run.
  package private(set) var counts: [UInt64]
  /// Of each run that is a bin, the sum of the elements' distances from its first pattern; empty if none is one.
  package private(set) var offsetSums: [UInt64?]
  /// The number of elements counted.
  public private(set) var elementCount: Int

  /// Wraps runs.
  ///
  /// - Parameter entries: The runs, ascending and without overlap.
  package init(_ entries: [Entry]) {
    let hasBins = entries.contains { $0.span > 1 }
    self.init(
      bits: entries.map(\.bits), counts: entries.map(\.count),
      offsetSums: hasBins ? entries.map { $0.span > 1 ? $0.offsetSum : nil } : [])
  }

  /// Wraps runs, of which each number is in a list of its own.
  ///
  /// - Parameters:
  ///   - bits: The smallest pattern of each, ascending and without overlap.
  ///   - counts: How many elements lie in each.
  ///   - offsetSums: Of each bin the sum of distances from its first pattern; empty if there is no bin.
  package init(bits: [UInt32], counts: [UInt64], offsetSums: [UInt64?] = []) {
    self.bits = bits
    self.counts = counts
    self.offsetSums = offsetSums
    elementCount = Int(counts.reduce(0, &+))
  }

  /// Takes runs in place of those that there are, none of them a bin, in the same memory if nobody else has it.
  ///
  /// - Parameters:
  ///   - bits: The magnitudes, ascending.
  ///   - counts: How many elements have each.
  mutating func replaceRuns(
    _ bits: UnsafeBufferPointer<UInt32>, counts: UnsafeBufferPointer<UInt64>
  ) {
    self.bits.removeAll(keepingCapacity: true)
    self.counts.removeAll(keepingCapacity: true)
    unsafe self.bits.append(contentsOf: bits)
    unsafe self.counts.append(contentsOf: counts)
    offsetSums = []
    elementCount = Int(self.counts.reduce(0, &+))
  }

  /// How many runs there are.
  package var runCount: Int { bits.count }

  /// The runs, ascending, without overlap.
  package var entries: [Entry] { bits.indices.map { entry(at: $0) } }

  /// One of the runs.
  package func entry(at index: Int) -> Entry {
    let offsetSum = offsetSums.isEmpty ? nil : offsetSums[index]
    return Entry(
      bits: bits[index], span: offsetSum == nil ? 1 : MagnitudeHistogram.binWidth,
      count: counts[index], offsetSum: offsetSum ?? 0)
  }

  /// Whether any bin is known by number and sum alone.
  package var hasBins: Bool { !offsetSums.isEmpty }

  /// Whether a run is a bin.
  package func isBin(at index: Int) -> Bool { hasBins && offsetSums[index] != nil }

  /// Adds the elements of another histogram; exact magnitudes inside the other's bins join the bin.
  ///
  /// - Parameter other: The histogram of other elements of the same tensor and model.
  package mutating func merge(_ other: MagnitudeHistogram) {
    guard runCount > 0 else {
      self = other
      return
    }
    let (mine, theirs) = (entries, other.entries)
    self = MagnitudeHistogram(MagnitudeHistogram.merged(mine, theirs))
  }

  private static func merged(_ entries: [Entry], _ others: [Entry]) -> [Entry] {
    var merged: [Entry] = []
    merged.reserveCapacity(Swift.max(entries.count, others.count) + 16)
    var (mine, theirs) = (0, 0)
    while mine < entries.count || theirs < others.count {
      let takeMine =
        theirs == others.count
        || (mine < entries.count && entries[mine].comes(before: others[theirs]))
      let next = takeMine ? entries[mine] : others[theirs]
      if takeMine { mine += 1 } else { theirs += 1 }
      if let last = merged.indices.last, merged[last].lastBits >= next.bits {
        merged[last].absorb(next)
      } else {
        merged.append(next)
      }
    }
    return merged
  }

  /// Replaces a bin by its magnitudes one by one.
  ///
  /// - Parameters:
  ///   - binBits: The pattern that the bin begins with.
  ///   - detail: The exact magnitudes in it, ascending.
  /// - Returns: Whether the detail has the number and sum that were counted before.
  package mutating func resolve(binBits: UInt32, with detail: [Entry]) -> Bool {
    let index = runCount(below: binBits)
    guard index < runCount, bits[index] == binBits, isBin(at: index) else {
      return true  // The magnitudes there, if any, are exact already.
    }
    let bin = entry(at: index)
    let count = detail.reduce(0) { $0 + $1.count }
    let offsetSum = detail.reduce(0) { $0 + $1.count * UInt64($1.bits - binBits) }
    guard count == bin.count, offsetSum == bin.offsetSum else { return false }
    bits.replaceSubrange(index...index, with: detail.map(\.bits))
    counts.replaceSubrange(index...index, with: detail.map(\.count))
    offsetSums.replaceSubrange(index...index, with: detail.map { _ in nil })
    if offsetSums.allSatisfy({ $0 == nil }) { offsetSums = [] }
    return true
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
