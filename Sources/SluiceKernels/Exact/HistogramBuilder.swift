package import SluiceCore

/// Counts the deltas of one strip of one model into a histogram, in memory that does not grow.
///
/// Should a tensor have more distinct magnitudes than expected of its dtype, the builder goes over
/// to bins by itself; the histogram then says what it needs in detail.
@safe package final class HistogramBuilder {
  /// How many magnitudes wait in the list before they are sorted into runs.
  static let sideCapacity = 1 << 16
  /// The most elements whose differences are counted at once: as the list must have room for all of
  /// them, long runs would have it sorted when it is nearly empty.
  package static let runElements = sideCapacity / 8
  /// How many distinct magnitudes with low bits are kept apart before the builder goes over to bins.
  static let distinctLimit = 1 << 16

  private let kernels: Kernels
  private var mode: HistogramMode
  private let table: AlignedBuffer<UInt32>?
  private let side: AlignedBuffer<UInt32>?
  private let scratch: AlignedBuffer<UInt32>?
  /// Where the table and the list begin, for the path that every block takes.
  private let counters: UnsafeMutablePointer<UInt32>?
  private let sideStart: UnsafeMutablePointer<UInt32>?
  private var sideCount = 0
  /// The ends of what was counted in the table: outside of them, but for zeros, it is untouched.
  private var ends = (smallest: UInt32.max, largest: UInt32(0))
  private var listed = ListedMagnitudes()
  private var bins: BinTable?
  /// What was given last of a small tensor: its memory is taken again if nobody has it any more.
  private var last = MagnitudeHistogram([])

  /// Makes a builder.
  ///
  /// - Parameters:
  ///   - mode: How to count.
  ///   - kernels: The kernels to count with.
  package init(mode: HistogramMode, kernels: Kernels) {
    self.kernels = kernels
    self.mode = mode
    switch mode {
    case .exact(let shift):
      table = AlignedBuffer(
        count: Kernels.tableCount(shift: shift), fill: 0)
      side = AlignedBuffer(count: HistogramBuilder.sideCapacity, fill: 0)
      scratch = AlignedBuffer(count: HistogramBuilder.sideCapacity, fill: 0)
    case .binned:
      table = nil
      side = nil
      scratch = nil
      bins = BinTable()
    }
    unsafe counters = table?.pointer
    unsafe sideStart = side?.pointer
  }

  /// Counts a block of deltas.
  ///
  /// - Parameters:
  ///   - deltas: Finite values.
  ///   - count: How many, at most the capacity of the list.
  package func add(_ deltas: UnsafePointer<Float>, count: Int) {
    if sideCount + count > HistogramBuilder.sideCapacity { foldSide() }
    guard case .exact(let shift) = mode, let counters = unsafe counters,
      let sideStart = unsafe sideStart
    else {
      unsafe bins?.add(deltas, count: count, kernels: kernels)
      return
    }
    // SAFETY: the list has room for the whole block, the table for every key of the shift.
    let counted = unsafe kernels.histogram(
      deltas, count: count, shift: shift, table: counters, side: sideStart + sideCount)
    note(counted)
  }

  /// Counts the differences of two runs, of which none is kept, if the builder can.
  ///
  /// - Parameters:
  ///   - tuned: The bytes of the fine-tuned model's elements, at any address.
  ///   - base: The bytes of the base model's, of the same type.
  ///   - dtype: The type of both.
  ///   - count: How many elements, at most `runElements`.
  /// - Returns: The largest bit pattern of a magnitude, after which nothing may be added if it is
  ///   not finite; nil if the builder needs the deltas themselves.
  package func addDifferences(
    of tuned: UnsafeRawPointer, _ base: UnsafeRawPointer, _ dtype: DType, count: Int
  ) -> UInt32? {
    if sideCount + count > HistogramBuilder.sideCapacity { foldSide() }
    guard case .exact(let shift) = mode, dtype == .bf16 || dtype == .f16,
      let counters = unsafe counters, let sideStart = unsafe sideStart
    else { return nil }
    // SAFETY: the list has room for all of the elements, the table for every key of the shift.
    let counted = unsafe kernels.differenceHistogram(
      tuned, base, dtype, count: count, shift: shift, table: counters,
      side: sideStart + sideCount)
    note(counted)
    return counted.largest
  }

  /// Gives what was counted and starts anew.
  ///
  /// - Returns: The histogram of everything added since the last call.
  package func finish() -> MagnitudeHistogram {
    if case .exact(let shift) = mode {
      foldSide()
      if case .exact = mode { return finishExact(shift: shift) }
    }
    defer { restoreExactMode() }
    return bins?.finish() ?? MagnitudeHistogram([])
  }

  /// What was counted up to now, of magnitudes only the upper bits: enough to foresee where a rate will cut.
  package func outline() -> MagnitudeHistogram {
    guard case .exact(let shift) = mode, let table else {
      return bins?.outline() ?? MagnitudeHistogram([])
    }
    let counters = Kernels.tableCount(shift: shift) / Kernels.binCount(shift: shift)
    let used = usedBins(shift: shift)
    var entries: [MagnitudeHistogram.Entry] = []
    entries.reserveCapacity(used.zeros.count + used.others.count)
    for bins in [used.zeros, used.others] {
      for bin in bins {
        // SAFETY: each bin of the shift has so many counters, which lie together.
        let count = (0..<counters).reduce(0) {
          unsafe $0 + UInt64(table.pointer[bin * counters + $1])
        }
        if count > 0 {
          entries.append(
            MagnitudeHistogram.Entry(bits: UInt32(bin) << UInt32(shift), count: count))
        }
      }
    }
    return MagnitudeHistogram(entries)
  }

  private func note(_ counted: Counted) {
    sideCount += counted.listed
    ends.smallest = min(ends.smallest, counted.smallest)
    ends.largest = max(ends.largest, counted.largest)
  }

  // Sorts the waiting magnitudes into those that were listed before, so that the list is empty again.
  private func foldSide() {
    guard sideCount > 0, let side, let scratch else { return }
    listed.add(side, scratch, length: sideCount, kernels: kernels)
    sideCount = 0
    if listed.count > HistogramBuilder.distinctLimit { goOverToBins() }
  }

  private func finishExact(shift: Int) -> MagnitudeHistogram {
    defer { listed.removeAll() }
    return drainTable(shift: shift)
  }

  // The table counts all elements of a key, also those that are listed, which are larger than the one without low bits.
  private func drainTable(shift: Int) -> MagnitudeHistogram {
    guard let side, let scratch else { return MagnitudeHistogram([]) }
    let used = usedBins(shift: shift)
    let room = used.zeros.count + used.others.count + listed.count + Kernels.drainSlack
    guard room <= HistogramBuilder.sideCapacity / 2 else {
      let (bits, counts) = (
        AlignedBuffer<UInt32>(count: room, fill: 0), AlignedBuffer<UInt64>(count: room, fill: 0)
      )
      // SAFETY: there is room for all bins, and all that is listed.
      let found = unsafe drainTable(shift: shift, used, bits.pointer, counts.pointer)
      return unsafe MagnitudeHistogram(
        bits: Array(UnsafeBufferPointer(start: bits.pointer, count: found)),
        counts: Array(UnsafeBufferPointer(start: counts.pointer, count: found)))
    }
    // Nothing waits in the list any more, and half of it has room enough.
    unsafe scratch.pointer.withMemoryRebound(
      to: UInt64.self, capacity: HistogramBuilder.sideCapacity / 2
    ) { counts in
      // SAFETY: as above.
      let found = unsafe drainTable(shift: shift, used, side.pointer, counts)
      unsafe last.replaceRuns(
        UnsafeBufferPointer(start: side.pointer, count: found),
        counts: UnsafeBufferPointer(start: counts, count: found))
    }
    return last
  }

  // Puts the runs where there is room for all of them, and returns how many there are.
  private func drainTable(
    shift: Int, _ used: UsedBins, _ bits: UnsafeMutablePointer<UInt32>,
    _ counts: UnsafeMutablePointer<UInt64>
  ) -> Int {
    guard let table else { return 0 }
    let zeros = listed.range(from: 0, below: UInt32(used.zeros.upperBound) << UInt32(shift))
    // SAFETY: the caller has the room.
    var found = unsafe kernels.drainHistogram(
      table.pointer, shift: shift, bins: used.zeros, listed: (listed.bits, listed.counts, zeros),
      bits: bits, counts: counts)
    found += unsafe kernels.drainHistogram(
      table.pointer, shift: shift, bins: used.others,
      listed: (listed.bits, listed.counts, zeros.upperBound..<listed.count),
      bits: bits + found, counts: counts + found)
    ends = (smallest: .max, largest: 0)
    return found
  }

  private typealias UsedBins = (zeros: Range<Int>, others: Range<Int>)

  // Zeros, and from the smallest other delta to the largest: most of a table lies outside, and a small
  // tensor would spend its time there.
  private func usedBins(shift: Int) -> UsedBins {
    let end = Int(ends.largest >> UInt32(shift)) + 1
    let start = min(Int(ends.smallest >> UInt32(shift)), end)
    return (0..<min(start, 1), start..<end)
  }

  private func goOverToBins() {
    guard case .exact(let shift) = mode else { return }
    let table = bins ?? BinTable()
    for entry in drainTable(shift: shift).entries { table.add(entry) }
    listed.removeAll()
    bins = table
    originalMode = mode
    mode = .binned
  }

  private var originalMode: HistogramMode?

  private func restoreExactMode() {
    guard let original = originalMode else { return }
    mode = original
    originalMode = nil
  }
}
