internal import CSluiceKernels

// What the record of a histogram is made of, and the sum of its magnitudes.

extension Kernels {
  /// What is written after the last number of `putLows` and may be overwritten, in bytes.
  package static let lowSlack = 32

  /// Says in a byte for each run how far its upper 16 bits are from those of the one before: so far, at most 63, times 4,
  /// plus 1 for a magnitude with low bits.
  ///
  /// - Parameters:
  ///   - bits: The patterns of runs, ascending.
  ///   - steps: Receives the bytes.
  ///   - list: Receives the steps from 63 on, in two bytes each.
  /// - Returns: How many are listed.
  package func putSteps(
    _ bits: UnsafeBufferPointer<UInt32>, into steps: UnsafeMutableRawPointer,
    list: UnsafeMutableRawPointer
  ) -> Int {
    guard let start = bits.baseAddress else { return 0 }
    // Safety: the caller guarantees room for a byte and a number of each.
    return unsafe functions.pointee.put_steps(
      start, bits.count, steps.assumingMemoryBound(to: UInt8.self),
      list.assumingMemoryBound(to: UInt8.self))
  }

  /// Lists the low 15 bits of the runs that have some, in two bytes each.
  ///
  /// - Parameters:
  ///   - bits: The patterns of runs.
  ///   - lows: Receives the numbers, and up to `lowSlack` bytes more.
  /// - Returns: How many have low bits.
  package func putLows(
    _ bits: UnsafeBufferPointer<UInt32>, into lows: UnsafeMutableRawPointer
  ) -> Int {
    guard let start = bits.baseAddress else { return 0 }
    // Safety: the caller guarantees the room.
    return unsafe functions.pointee.put_lows(
      start, bits.count, lows.assumingMemoryBound(to: UInt8.self))
  }

  /// Puts counts into bytes, those from 255 on as 255.
  ///
  /// - Parameters:
  ///   - counts: The counts.
  ///   - bytes: Receives a byte for each.
  ///   - list: Receives the counts from 255 on, with seven bits in each byte, the lowest first, and the top bit where
  ///     one goes on.
  /// - Returns: The bytes of the list.
  package func putCounts(
    _ counts: UnsafeBufferPointer<UInt64>, into bytes: UnsafeMutableRawPointer,
    list: UnsafeMutableRawPointer
  ) -> Int {
    guard let start = counts.baseAddress else { return 0 }
    // Safety: the caller guarantees room for a byte and a number of each.
    return unsafe functions.pointee.put_counts(
      start, counts.count, bytes.assumingMemoryBound(to: UInt8.self),
      list.assumingMemoryBound(to: UInt8.self))
  }

  /// Adds up magnitudes binade by binade.
  ///
  /// - Parameters:
  ///   - bits: Patterns of finite magnitudes, ascending, at least one.
  ///   - counts: How many elements have each, less than 2^32 together.
  ///   - count: How many magnitudes there are.
  ///   - units: Has a number for each of 255 binades; those from the first magnitude's to the last's receive the units in
  ///     the last place of their elements.
  package func addUnits(
    _ bits: UnsafePointer<UInt32>, _ counts: UnsafePointer<UInt64>, count: Int,
    into units: UnsafeMutablePointer<UInt64>
  ) {
    precondition(count > 0)
    // Safety: the caller guarantees as many magnitudes and counts, and numbers for all binades.
    unsafe functions.pointee.add_units(bits, counts, count, units)
  }
}
