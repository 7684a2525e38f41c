internal import SluiceKernels
internal import SluiceStages

/// The multiset of offsets, as far as it was counted: of magnitudes, and of both signs where they are
/// known.
struct OffsetSpectrum {
  /// The spectra of the two signs; in each, offsets of the other sign count as zero.
  struct Sides {
    let positive: Spectrum
    let negative: Spectrum
  }

  let magnitudes: Spectrum
  let sides: Sides?

  /// Offsets of which only magnitudes are known.
  init(magnitudes: Spectrum) {
    self.magnitudes = magnitudes
    sides = nil
  }

  /// Offsets of both signs.
  init(positive: Spectrum, negative: Spectrum) throws(Spectrum.Unresolved) {
    sides = Sides(positive: positive, negative: negative)
    // An offset is a zero of one side or of both, so real zeros are those beyond n.
    let zeros =
      try positive.zeroCount() + negative.zeroCount() - positive.elementCount
    var others = Spectrum(positive.entries.filter { $0.bits > 0 })
    others.merge(Spectrum(negative.entries.filter { $0.bits > 0 }))
    let zero = zeros > 0 ? [Spectrum.Entry(bits: 0, count: UInt64(zeros))] : []
    magnitudes = Spectrum(zero + others.entries)
  }

  /// The positions of the table: the smallest, nine deciles, the largest.
  static let positions = 0...10

  /// Which of n values in ascending order a position is, from 1: ceil(n * position / 10), at least 1.
  static func rank(_ position: Int, of count: Int) -> Int {
    max(1, (count * position + 9) / 10)
  }

  /// The magnitudes at all positions; 0 for no element.
  func magnitudeTable(_ missing: inout BinRequest) -> [Double] {
    OffsetSpectrum.positions.map { position in
      value(magnitudes, rank: OffsetSpectrum.rank(position, of: magnitudes.elementCount), &missing)
    }
  }

  /// The signed offsets at all positions; nil if signs are not known.
  func signedTable(_ missing: inout BinRequest) -> [Double]? {
    guard let sides else { return nil }
    let zeros: (Int, Int)
    do throws(Spectrum.Unresolved) {
      zeros = (try sides.positive.zeroCount(), try sides.negative.zeroCount())
    } catch {
      missing.add(error.binBits)
      return nil
    }
    let count = magnitudes.elementCount
    let (positives, negatives) = (count - zeros.0, count - zeros.1)
    return OffsetSpectrum.positions.map { position in
      let rank = OffsetSpectrum.rank(position, of: count)
      // Among its side's magnitudes the smallest offset is the largest, behind the zeros there.
      if rank <= negatives { return -value(sides.negative, rank: count - rank + 1, &missing) }
      if rank <= count - positives { return 0 }
      return value(sides.positive, rank: rank, &missing)
    }
  }

  /// The magnitude of a rank; 0, and the bin asked for, where it lies inside a bin.
  private func value(_ spectrum: Spectrum, rank: Int, _ missing: inout BinRequest) -> Double {
    var seen = 0
    for entry in spectrum.entries {
      seen += Int(entry.count)
      guard seen >= rank else { continue }
      if entry.span == 1 { return Double(Float(bitPattern: entry.bits)) }
      if missing.bins.count < BinRequest.limit { missing.add(entry.bits) }
      return 0
    }
    return 0
  }
}
