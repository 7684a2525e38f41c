extension MagnitudeHistogram {
  /// The pattern of infinity: nothing finite is larger.
  private static var largestBits: UInt32 { 0x7f80_0000 }
  /// What sums are exact up to.
  private static var largestCount: UInt64 { 1 << 40 }

  /// Takes runs that come from a file, where anything may stand; gives nil if no elements can have
  /// been counted into these.
  ///
  /// - Parameters:
  ///   - bits: The smallest pattern of each.
  ///   - counts: How many elements lie in each, as many numbers.
  ///   - offsetSums: Of each bin the sum of distances from its first pattern; empty if there is no bin.
  package init?(read bits: [UInt32], counts: [UInt64], offsetSums: [UInt64?] = []) {
    guard bits.count == counts.count, offsetSums.isEmpty || offsetSums.count == bits.count
    else { return nil }
    let (largestBits, largestCount) = (
      MagnitudeHistogram.largestBits, MagnitudeHistogram.largestCount
    )
    // So few runs have no more elements than an Int holds.
    guard bits.count < 1 << 22, bits.last ?? 0 <= largestBits else { return nil }
    // Without a branch for each, as nearly always all are right.
    var wrong: UInt64 = 0
    for index in bits.indices.dropFirst() { wrong |= bits[index] > bits[index - 1] ? 0 : 1 }
    for count in counts { wrong |= count &- 1 < largestCount ? 0 : 1 }
    guard wrong == 0 else { return nil }
    let width = MagnitudeHistogram.binWidth
    for (index, sum) in offsetSums.enumerated() {
      guard let sum else { continue }
      guard bits[index] % width == 0, sum <= counts[index] * UInt64(width - 1),
        index + 1 == bits.count || bits[index + 1] - bits[index] >= width
      else { return nil }
    }
    self.init(bits: bits, counts: counts, offsetSums: offsetSums)
  }
}
