extension MagnitudeHistogram {
  /// Takes runs that come from a file, where anything may stand; gives nil if no elements can have
  /// been counted into these.
  ///
  /// - Parameter entries: The runs.
  package init?(read entries: [Entry]) {
    var end: UInt32 = 0
    var count: UInt64 = 0
    for entry in entries {
      let isBin =
        entry.span == MagnitudeHistogram.binWidth && entry.bits % MagnitudeHistogram.binWidth == 0
      guard isBin || entry.span == 1, entry.bits >= end, entry.bits <= Entry.largestBits,
        entry.count > 0, entry.count <= Entry.largestCount,
        entry.offsetSum <= entry.count * UInt64(entry.span - 1)
      else { return nil }
      end = entry.lastBits + 1
      count += entry.count
    }
    guard count <= UInt64(Int.max) else { return nil }
    self.init(entries)
  }
}

extension MagnitudeHistogram.Entry {
  /// The pattern of infinity: nothing finite is larger.
  fileprivate static let largestBits: UInt32 = 0x7f80_0000
  /// What sums are exact up to.
  fileprivate static let largestCount: UInt64 = 1 << 40
}
