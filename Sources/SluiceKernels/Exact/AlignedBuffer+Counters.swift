internal import CSluiceKernels

extension AlignedBuffer<UInt32> {
  /// The first counter that is not zero.
  ///
  /// - Parameters:
  ///   - start: Where to look first.
  ///   - end: Where to stop.
  /// - Returns: Its position; `end` if all are zero.
  package func nextCounted(from start: Int, below end: Int) -> Int {
    precondition(start >= 0 && end <= count)
    // SAFETY: the range was just checked.
    return unsafe sluice_next_counted(pointer, start, end)
  }
}

extension AlignedBuffer<UInt64> {
  /// The first counter that is not zero, as of 32 bits.
  package func nextCounted(from start: Int, below end: Int) -> Int {
    precondition(start >= 0 && end <= count)
    // SAFETY: as above.
    return unsafe sluice_next_counted_wide(pointer, start, end)
  }
}
