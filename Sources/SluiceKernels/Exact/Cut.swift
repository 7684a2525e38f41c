/// Where a pruning rate cuts a tensor: the magnitude at the border and who of those on it stays.
///
/// The first `n - floor(rate * n)` elements in the order (|delta| descending, tie key ascending)
/// are kept; zeros never are. Source: DPPA section 3.2; the tie order is ours.
package struct Cut: Sendable, Hashable {
  /// The Float32 bit pattern of the smallest kept magnitude; 0 if all non-zero elements are kept,
  /// that of infinity if none is.
  package let thresholdBits: UInt32
  /// How many elements are larger than the threshold.
  package let above: Int
  /// How many elements equal the threshold.
  package let tied: Int
  /// How many of the tied elements are kept.
  package let keptOfTied: Int

  /// Describes a cut.
  ///
  /// - Parameters:
  ///   - thresholdBits: The Float32 bit pattern of the smallest kept magnitude.
  ///   - above: How many elements are larger.
  ///   - tied: How many elements equal it.
  ///   - keptOfTied: How many of those are kept.
  package init(thresholdBits: UInt32, above: Int, tied: Int, keptOfTied: Int) {
    self.thresholdBits = thresholdBits
    self.above = above
    self.tied = tied
    self.keptOfTied = keptOfTied
  }

  /// A cut that keeps nothing.
  package static let none = Cut(
    thresholdBits: Float.infinity.bitPattern, above: 0, tied: 0, keptOfTied: 0)

  /// How many elements are kept in all.
  package var kept: Int { above + keptOfTied }

  /// The threshold as a number.
  package var threshold: Float { Float(bitPattern: thresholdBits) }

  /// How many elements of a tensor a rate keeps: n - floor(rate * n), 0 from rate 1 on, n from 0 down.
  ///
  /// - Parameters:
  ///   - rate: The pruning rate of this tensor, any finite number.
  ///   - elementCount: n.
  /// - Returns: The number, in 0 ... n.
  package static func keptCount(rate: Double, of elementCount: Int) -> Int {
    if rate <= 0 { return elementCount }
    if rate >= 1 { return 0 }
    return elementCount - Int((rate * Double(elementCount)).rounded(.down))
  }
}
