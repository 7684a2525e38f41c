extension ScalarKernels {
  /// The bits of a magnitude.
  package static func magnitudeBits(_ value: Float) -> UInt32 { value.bitPattern & 0x7fff_ffff }

  /// Counts magnitudes by their upper bits.
  ///
  /// - Parameters:
  ///   - delta: The deltas.
  ///   - shift: How many lower bits the bins ignore.
  /// - Returns: The count of every bin that is not empty, and the magnitudes with lower bits.
  package static func histogram(_ delta: [Float], shift: Int) -> (
    counts: [Int: UInt32], side: [UInt32]
  ) {
    var counts: [Int: UInt32] = [:]
    var side: [UInt32] = []
    for bits in delta.map(magnitudeBits) {
      counts[Int(bits >> shift), default: 0] += 1
      if bits & (1 << shift - 1) != 0 { side.append(bits) }
    }
    return (counts, side)
  }

  /// Counts magnitudes by their upper 16 bits, and adds up their lower 15.
  ///
  /// - Parameter delta: The deltas.
  /// - Returns: The count and the sum of every bin that is not empty.
  package static func binnedHistogram(_ delta: [Float]) -> [Int: (count: UInt64, sum: UInt64)] {
    var bins: [Int: (count: UInt64, sum: UInt64)] = [:]
    for bits in delta.map(magnitudeBits) {
      bins[Int(bits >> 15), default: (0, 0)].count += 1
      bins[Int(bits >> 15), default: (0, 0)].sum += UInt64(bits & 0x7fff)
    }
    return bins
  }

  /// Counts the lower 15 bits of magnitudes in certain bins.
  ///
  /// - Parameters:
  ///   - delta: The deltas.
  ///   - keys: The bins.
  /// - Returns: For each place of the tables, in their order, how many elements it counts.
  package static func collect(_ delta: [Float], keys: [UInt32]) -> [Int: UInt32] {
    var counts: [Int: UInt32] = [:]
    for bits in delta.map(magnitudeBits) {
      if let table = keys.firstIndex(of: bits >> 15) {
        counts[table * 32768 + Int(bits & 0x7fff), default: 0] += 1
      }
    }
    return counts
  }
}
