internal import SluiceCore

/// Number and sum of the magnitudes in every bin of `MagnitudeHistogram.binWidth` patterns.
final class BinTable {
  // One word per bin takes a block's elements in one addition each (number above bit 40, sum of the
  // low bits below); it is emptied into the wide tables before either part can overflow.
  private let packed = AlignedBuffer<UInt64>(count: 1 << 16, fill: 0)
  private let counts = AlignedBuffer<UInt64>(count: 1 << 16, fill: 0)
  private let sums = AlignedBuffer<UInt64>(count: 1 << 16, fill: 0)
  private var packedCount = 0

  /// Counts a block of deltas.
  func add(_ deltas: UnsafePointer<Float>, count: Int, kernels: Kernels) {
    if packedCount + count >= 1 << 24 { unpack() }
    unsafe kernels.binnedHistogram(deltas, count: count, table: packed.pointer)
    packedCount += count
  }

  /// Counts the elements of an exact magnitude.
  func add(_ entry: MagnitudeHistogram.Entry) {
    let key = Int(entry.bits >> UInt32(MagnitudeHistogram.binShift))
    unsafe counts.pointer[key] += entry.count
    unsafe sums.pointer[key] += entry.count * UInt64(entry.bits & (MagnitudeHistogram.binWidth - 1))
  }

  /// Gives what was counted and starts anew; a bin whose elements all equal its first pattern is exact.
  func finish() -> MagnitudeHistogram {
    defer {
      counts.fill(0)
      sums.fill(0)
    }
    return outline()
  }

  /// What was counted up to now.
  func outline() -> MagnitudeHistogram {
    unpack()
    var entries: [MagnitudeHistogram.Entry] = []
    var key = counts.nextCounted(from: 0, below: counts.count)
    while key < counts.count {
      let (count, sum) = unsafe (counts.pointer[key], sums.pointer[key])
      entries.append(
        MagnitudeHistogram.Entry(
          bits: UInt32(key) << UInt32(MagnitudeHistogram.binShift),
          span: sum == 0 ? 1 : MagnitudeHistogram.binWidth,
          count: count, offsetSum: sum))
      key = counts.nextCounted(from: key + 1, below: counts.count)
    }
    return MagnitudeHistogram(entries)
  }

  private func unpack() {
    guard packedCount > 0 else { return }
    var key = packed.nextCounted(from: 0, below: packed.count)
    while key < packed.count {
      let word = unsafe packed.pointer[key]
      unsafe counts.pointer[key] += word >> 40
      unsafe sums.pointer[key] += word & (1 << 40 - 1)
      key = packed.nextCounted(from: key + 1, below: packed.count)
    }
    packed.fill(0)
    packedCount = 0
  }
}
