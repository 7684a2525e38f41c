internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// The multiset of offsets, as far as it was counted: of magnitudes, and of both signs where they are
/// known.
struct OffsetHistogram {
  /// The histograms of the two signs; in each, offsets of the other sign count as zero.
  struct Sides {
    let positive: MagnitudeHistogram
    let negative: MagnitudeHistogram
  }

  let magnitudes: MagnitudeHistogram
  let sides: Sides?

  /// Offsets of which only magnitudes are known.
  init(magnitudes: MagnitudeHistogram) {
    self.magnitudes = magnitudes
    sides = nil
  }

  /// Offsets of both signs.
  init(positive: MagnitudeHistogram, negative: MagnitudeHistogram) throws(MagnitudeHistogram
    .Unresolved)
  {
    sides = Sides(positive: positive, negative: negative)
    // An offset is a zero of one side or of both, so real zeros are those beyond n.
    let zeros =
      try positive.zeroCount() + negative.zeroCount() - positive.elementCount
    var others = MagnitudeHistogram(positive.entries.filter { $0.bits > 0 })
    others.merge(MagnitudeHistogram(negative.entries.filter { $0.bits > 0 }))
    let zero = zeros > 0 ? [MagnitudeHistogram.Entry(bits: 0, count: UInt64(zeros))] : []
    magnitudes = MagnitudeHistogram(zero + others.entries)
  }

  /// The positions of the table: the smallest, nine deciles, the largest.
  static let positions = 0...10

  /// Which of n values in ascending order a position is, from 1: ceil(n * position / 10), at least 1.
  static func rank(_ position: Int, of count: Int) -> Int {
    max(1, (count * position + 9) / 10)
  }

  /// The magnitudes at all positions; 0 for no element.
  func magnitudeTable(_ missing: inout BinRequest) -> [Double] {
    OffsetHistogram.positions.map { position in
      value(magnitudes, rank: OffsetHistogram.rank(position, of: magnitudes.elementCount), &missing)
    }
  }

  /// The signed offsets at all positions; nil if signs are not known.
  func signedTable(_ missing: inout BinRequest) -> [Double]? {
    guard let sides else { return nil }
    let zeros: (Int, Int)
    do throws(MagnitudeHistogram.Unresolved) {
      zeros = (try sides.positive.zeroCount(), try sides.negative.zeroCount())
    } catch {
      missing.add(error.binBits)
      return nil
    }
    let count = magnitudes.elementCount
    let (positives, negatives) = (count - zeros.0, count - zeros.1)
    return OffsetHistogram.positions.map { position in
      let rank = OffsetHistogram.rank(position, of: count)
      // Among its side's magnitudes the smallest offset is the largest, after the zeros there.
      if rank <= negatives { return -value(sides.negative, rank: count - rank + 1, &missing) }
      if rank <= count - positives { return 0 }
      return value(sides.positive, rank: rank, &missing)
    }
  }

  /// The magnitude of a rank; 0, and the bin asked for, where it lies inside a bin.
  private func value(_ histogram: MagnitudeHistogram, rank: Int, _ missing: inout BinRequest)
    -> Double
  {
    var seen = 0
    for (index, bits) in histogram.bits.enumerated() {
      seen += Int(histogram.counts[index])
      guard seen >= rank else { continue }
      if !histogram.isBin(at: index) { return Double(Float(bitPattern: bits)) }
      if missing.bins.count < BinRequest.limit { missing.add(bits) }
      return 0
    }
    return 0
  }
}
