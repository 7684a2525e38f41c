internal import SluiceCore
package import SluiceKernels

/// How many magnitudes there are of each pattern, or in each bin: what parts of a model tell each other to
/// find where all of it is cut.
package struct TrimBins: Sendable, Hashable {
  /// The numbers, by the pattern of the magnitude or that the bin begins with.
  package private(set) var counts: [UInt32: Int] = [:]

  /// Nothing yet.
  package init() {}

  /// The bins of a histogram.
  package init(_ histogram: MagnitudeHistogram) {
    for entry in histogram.entries { add(Int(entry.count), to: TrimBins.bin(of: entry.bits)) }
  }

  /// The magnitudes of some entries of a histogram, which are known one by one.
  init(magnitudes: [MagnitudeHistogram.Entry]) {
    for entry in magnitudes { add(Int(entry.count), to: entry.bits) }
  }

  /// The pattern that a magnitude's bin begins with.
  static func bin(of bits: UInt32) -> UInt32 { bits & ~(MagnitudeHistogram.binWidth - 1) }

  /// How many magnitudes there are.
  package var elementCount: Int { counts.values.reduce(0) { $0.addingUpToLimit($1) } }

  /// Adds magnitudes.
  package mutating func add(_ count: Int, to bits: UInt32) {
    counts[bits] = (counts[bits] ?? 0).addingUpToLimit(count)
  }

  /// Adds what another part has.
  package mutating func add(_ other: TrimBins) {
    for (bits, count) in other.counts { add(count, to: bits) }
  }

  /// The bin of the last magnitude that is kept, if so many of the largest are; nil if none is.
  func border(keeping wanted: Int) -> UInt32? {
    guard wanted > 0 else { return nil }
    var above = 0
    for (bits, count) in counts.sorted(by: { $0.key > $1.key }) {
      above += count
      if above >= wanted { return bits }
    }
    return nil
  }

  /// The cut, if so many of the largest are kept, and whatever equals the last of them.
  ///
  /// - Parameters:
  ///   - wanted: How many, at most all.
  ///   - magnitudes: Those in the bin of the last one.
  /// - Returns: The cut; nil if the magnitudes are not those of the bin.
  func cut(keeping wanted: Int, _ magnitudes: TrimBins) -> Cut? {
    guard let border = border(keeping: wanted) else { return Cut.none }
    guard magnitudes.elementCount == counts[border],
      magnitudes.counts.keys.allSatisfy({ TrimBins.bin(of: $0) == border })
    else { return nil }
    // What lies below counts as zero, which it may be: more is kept than lies above.
    var entries: [MagnitudeHistogram.Entry] = []
    let below = sum { $0 < border }
    if below > 0 { entries.append(MagnitudeHistogram.Entry(bits: 0, count: UInt64(below))) }
    entries += magnitudes.counts.sorted { $0.key < $1.key }.map {
      MagnitudeHistogram.Entry(bits: $0.key, count: UInt64($0.value))
    }
    let above = sum { $0 > border }
    if above > 0 {
      entries.append(
        MagnitudeHistogram.Entry(
          bits: border + MagnitudeHistogram.binWidth, span: MagnitudeHistogram.binWidth,
          count: UInt64(above)))
    }
    return try? MagnitudeHistogram(entries).cut(keeping: wanted, tieBreak: .keep)
  }

  private func sum(_ isMeant: (UInt32) -> Bool) -> Int {
    counts.reduce(0) { $0 + (isMeant($1.key) ? $1.value : 0) }
  }
}
