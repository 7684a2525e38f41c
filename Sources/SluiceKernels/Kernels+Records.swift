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

  /// Adds up magnitudes.
  ///
  /// - Parameters:
  ///   - bits: Patterns of finite magnitudes, ascending, at least one.
  ///   - counts: How many elements have each, less than 2^32.
  ///   - count: How many magnitudes there are.
  /// - Returns: The sum in units in the last place of the first magnitude's binade, which is below 2^64.
  package func sumUnits(
    _ bits: UnsafePointer<UInt32>, _ counts: UnsafePointer<UInt64>, count: Int
  ) -> UInt64 {
    precondition(count > 0)
    // Safety: the caller guarantees as many magnitudes and counts.
    return unsafe functions.pointee.sum_units(bits, counts, count)
  }

  /// Finds the run of one of the largest elements.
  ///
  /// - Parameters:
  ///   - position: Which of the elements from the largest on, at least 1.
  ///   - counts: A byte for each run, as `putCounts` writes them.
  ///   - list: The list of larger counts.
  /// - Returns: The position of the run, how many elements are in it, and how many are larger; nil if there are fewer
  ///   elements.
  package func findLargest(
    _ position: Int, among counts: UnsafeRawBufferPointer, list: UnsafeRawBufferPointer
  ) -> (run: Int, count: Int, above: Int)? {
    precondition(position > 0)
    guard let start = counts.baseAddress, let listStart = list.baseAddress else { return nil }
    // Safety: the kernel reads the bytes of both alone.
    let found = unsafe functions.pointee.find_largest(
      start.assumingMemoryBound(to: UInt8.self), counts.count,
      listStart.assumingMemoryBound(to: UInt8.self), list.count, UInt64(position))
    guard found.run < counts.count else { return nil }
    return (found.run, Int(truncatingIfNeeded: found.count), Int(truncatingIfNeeded: found.above))
  }

  /// The pattern of a run.
  ///
  /// - Parameters:
  ///   - run: The position of the run.
  ///   - steps: A byte for each run up to it, as `putSteps` writes them.
  ///   - listed: The list of longer steps, and how many there are.
  ///   - lows: The list of low bits, and how many there are.
  /// - Returns: The pattern; without low bits if the list is too short for them.
  package func findBits(
    of run: Int, steps: UnsafeRawPointer, listed: (start: UnsafeRawPointer, count: Int),
    lows: (start: UnsafeRawPointer, count: Int)
  ) -> UInt32 {
    // Safety: the caller guarantees the bytes and the lists.
    unsafe functions.pointee.find_bits(
      steps.assumingMemoryBound(to: UInt8.self), run,
      listed.start.assumingMemoryBound(to: UInt8.self), listed.count,
      lows.start.assumingMemoryBound(to: UInt8.self), lows.count)
  }
}
