internal import CSluiceKernels
package import SluiceCore

/// What a histogram saw beside its table.
package struct Counted: Sendable {
  /// How many elements were listed.
  package let listed: Int
  /// The largest bits of a magnitude.
  package let largest: UInt32
  /// The smallest that are not zero; 2^31 if all are.
  package let smallest: UInt32

  fileprivate init(_ counted: sluice_counted) {
    (listed, largest, smallest) = (counted.length, counted.largest, counted.smallest)
  }
}

extension Kernels {
  /// The bin width of BF16 tensors: bins share the upper 16 of 31 bits.
  package static let brainShift = 15
  /// The bin width of F16 tensors: bins share the upper 19 of 31 bits.
  package static let halfShift = 12
  /// How many elements `binnedHistogram` may count before its table must be flushed.
  package static let binnedCapacity = (1 << 24) - 1

  /// The room that `drainHistogram` needs beyond what it finds.
  package static let drainSlack = 16

  /// How many bins magnitudes fall into.
  ///
  /// - Parameter shift: How many lower bits the bins ignore.
  /// - Returns: The number of bins.
  package static func binCount(shift: Int) -> Int { 1 << (31 - shift) }

  /// How many counters the table of `histogram` has: two for each bin of 15 bits, one for each bin
  /// of 12 bits.
  ///
  /// - Parameter shift: How many lower bits the bins ignore.
  /// - Returns: The number of counters.
  package static func tableCount(shift: Int) -> Int {
    shift == brainShift ? 2 * binCount(shift: shift) : binCount(shift: shift)
  }

  /// Counts magnitudes by their upper bits, and lists those that have lower bits.
  ///
  /// With b the bits of |delta|: each element adds 1 to a counter of the bin `b >> shift`. The table
  /// can be added to block after block; `drainHistogram` says how many are in each.
  ///
  /// - Parameters:
  ///   - delta: The deltas.
  ///   - count: How many; no counter may pass 2^32 - 1.
  ///   - shift: How many lower bits the bins ignore, `brainShift` or `halfShift`.
  ///   - table: `tableCount(shift:)` counters, added to.
  ///   - side: Receives b of every element with one of the lower bits set, in index order; has room
  ///     for `count`.
  /// - Returns: How many were listed, and the ends of what was counted.
  package func histogram(
    _ delta: UnsafePointer<Float>, count: Int, shift: Int,
    table: UnsafeMutablePointer<UInt32>, side: UnsafeMutablePointer<UInt32>
  ) -> Counted {
    precondition(shift == Self.brainShift || shift == Self.halfShift, "bins ignore 15 or 12 bits")
    // Safety: the caller guarantees `count` elements in and out, and the size of the table.
    return unsafe Counted(functions.pointee.histogram(delta, count, UInt32(shift), table, side))
  }

  /// Counts the differences of two runs of one type as `histogram` counts deltas, without keeping
  /// them: Float32(tuned) - Float32(base), rounded once.
  ///
  /// - Parameters:
  ///   - tuned: The bytes of `count` elements of the fine-tuned model, at any address.
  ///   - base: The bytes of the same elements of the base model, at any address.
  ///   - dtype: The type of both, F16 or BF16.
  ///   - count: How many; no counter may pass 2^32 - 1.
  ///   - shift: How many lower bits the bins ignore, `brainShift` or `halfShift`.
  ///   - table: `tableCount(shift:)` counters, added to.
  ///   - side: Receives the bits of every magnitude with one of the lower bits set, in index order;
  ///     has room for `count`.
  /// - Returns: How many were listed, and the ends of what was counted; a largest magnitude of
  ///   0x7f800000 or more says that a difference is not finite.
  package func differenceHistogram(
    _ tuned: UnsafeRawPointer, _ base: UnsafeRawPointer, _ dtype: DType, count: Int, shift: Int,
    table: UnsafeMutablePointer<UInt32>, side: UnsafeMutablePointer<UInt32>
  ) -> Counted {
    precondition(dtype == .bf16 || dtype == .f16, "other types have too many magnitudes")
    precondition(shift == Self.brainShift || shift == Self.halfShift, "bins ignore 15 or 12 bits")
    // Safety: the caller guarantees `count` elements in and out, and the size of the table.
    return unsafe Counted(
      functions.pointee.difference_histogram(
        tuned, base, Self.code(of: dtype), count, UInt32(shift), table, side))
  }

  /// Takes what was counted of bins out of a table, and clears them.
  ///
  /// - Parameters:
  ///   - table: The table of `histogram`.
  ///   - shift: How many lower bits the bins ignore.
  ///   - bins: Which are wanted, of `binCount(shift:)`.
  ///   - listed: Magnitudes with lower bits, smallest first, how many there are of each, and which of them lie in the
  ///     bins.
  ///   - bits: Receives the first pattern of each bin that was met, and what is listed, smallest first; has room for
  ///     all bins, all that is listed, and `drainSlack` more.
  ///   - counts: Receives how many elements are in each; has as much room.
  /// - Returns: How many there are.
  package func drainHistogram(
    _ table: UnsafeMutablePointer<UInt32>, shift: Int, bins: Range<Int>,
    listed: (bits: [UInt32], counts: [UInt32], range: Range<Int>),
    bits: UnsafeMutablePointer<UInt32>, counts: UnsafeMutablePointer<UInt64>
  ) -> Int {
    precondition(shift == Self.brainShift || shift == Self.halfShift, "bins ignore 15 or 12 bits")
    precondition(bins.lowerBound >= 0 && bins.upperBound <= Self.binCount(shift: shift))
    precondition(
      listed.range.upperBound <= min(listed.bits.count, listed.counts.count)
        && (listed.range.isEmpty
          || bins.contains(Int(listed.bits[listed.range.lowerBound]) >> shift)
            && bins.contains(Int(listed.bits[listed.range.upperBound - 1]) >> shift))
    )
    return unsafe listed.bits.withUnsafeBufferPointer { listedBits in
      unsafe listed.counts.withUnsafeBufferPointer { listedCounts in
        let first = listed.range.lowerBound
        let here = unsafe sluice_listed(
          bits: listedBits.baseAddress.map { unsafe $0 + first },
          counts: listedCounts.baseAddress.map { unsafe $0 + first }, count: listed.range.count)
        // Safety: the caller guarantees `tableCount(shift:)` counters, and the room.
        return unsafe functions.pointee.drain_histogram(
          table, UInt32(shift), bins.lowerBound, bins.upperBound, here, bits, counts)
      }
    }
  }

  /// Counts magnitudes by their upper 16 bits and sums up their lower 15 bits.
  ///
  /// With b the bits of |delta|: `table[b >> 15] += (1 << 40) + (b & 0x7fff)`. After at most
  /// `binnedCapacity` elements the caller takes counts and sums out and clears the table.
  ///
  /// - Parameters:
  ///   - delta: The deltas.
  ///   - count: How many.
  ///   - table: One number per bin of 15 bits, added to.
  package func binnedHistogram(
    _ delta: UnsafePointer<Float>, count: Int, table: UnsafeMutablePointer<UInt64>
  ) {
    // Safety: the caller guarantees `count` elements and 2^16 sums.
    unsafe functions.pointee.binned_histogram(delta, count, table)
  }

  /// Counts the lower 15 bits of the magnitudes that fall into certain bins.
  ///
  /// With b the bits of |delta|: if `b >> 15` is `keys[j]`, then `tables[(j << 15) + (b & 0x7fff)]`
  /// grows by 1.
  ///
  /// - Parameters:
  ///   - delta: The deltas.
  ///   - count: How many.
  ///   - keys: The bins, in ascending order and without repetition.
  ///   - keyCount: How many bins; every one costs time for every element.
  ///   - tables: 2^15 counters for each key, added to.
  package func collect(
    _ delta: UnsafePointer<Float>, count: Int, keys: UnsafePointer<UInt32>, keyCount: Int,
    tables: UnsafeMutablePointer<UInt32>
  ) {
    // Safety: the caller guarantees `count` elements, `keyCount` keys and as many tables.
    unsafe functions.pointee.collect(delta, count, keys, keyCount, tables)
  }

  /// Finds the magnitudes that differ, smallest first, and how often each is there.
  ///
  /// - Parameters:
  ///   - values: Bits of magnitudes, below 2^31; replaced by those that differ.
  ///   - counts: Receives how often each is there; has room for `count` numbers, which are written to in any case.
  ///   - count: How many.
  /// - Returns: How many differ.
  package func countMagnitudes(
    _ values: UnsafeMutablePointer<UInt32>, counts: UnsafeMutablePointer<UInt32>, count: Int
  ) -> Int {
    // Safety: the caller guarantees `count` values at both addresses.
    if count <= SLUICE_FEW {
      return unsafe functions.pointee.count_few(values, count, values, counts)
    }
    unsafe sluice_sort_magnitudes(values, counts, count)
    return unsafe sluice_count_sorted(values, count, values, counts)
  }

  /// Sorts magnitudes, smallest first, in three passes over 11 bits each.
  ///
  /// - Parameters:
  ///   - values: Bits of magnitudes, below 2^31; sorted in place.
  ///   - scratch: Room for `count` values.
  ///   - count: How many.
  package func sortMagnitudes(
    _ values: UnsafeMutablePointer<UInt32>, scratch: UnsafeMutablePointer<UInt32>, count: Int
  ) {
    // Safety: the caller guarantees `count` values at both addresses.
    unsafe sluice_sort_magnitudes(values, scratch, count)
  }

  /// Sorts places by their magnitudes, smallest first, equals in the order they come.
  ///
  /// - Parameters:
  ///   - places: The bits of a magnitude in each upper half, anything in the lower; sorted in place.
  ///   - scratch: Room for `count` places.
  ///   - count: How many.
  package func sortPlaces(
    _ places: UnsafeMutablePointer<UInt64>, scratch: UnsafeMutablePointer<UInt64>, count: Int
  ) {
    // Safety: the caller guarantees `count` places at both addresses.
    unsafe sluice_sort_places(places, scratch, count)
  }
}
