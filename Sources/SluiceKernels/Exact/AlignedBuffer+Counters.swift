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

  /// Finds the counters of a range that are not zero.
  ///
  /// - Parameters:
  ///   - range: Where to look, below 2^32.
  ///   - places: Receives their positions, smallest first; has room for as many as the range has.
  /// - Returns: How many there are.
  package func countedPlaces(in range: Range<Int>, _ places: AlignedBuffer<UInt32>) -> Int {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= min(count, Int(UInt32.max))
        && range.count <= places.count)
    // SAFETY: the range and the room were just checked.
    return unsafe sluice_counted_places(
      pointer, range.lowerBound, range.upperBound, places.pointer)
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
