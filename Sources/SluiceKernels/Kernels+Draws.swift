internal import CSluiceKernels

extension Kernels {
  /// Draws a number for each element: the same for an element however a tensor is divided.
  ///
  /// With G = 0x9e3779b97f4a7c15 and `mix` the finaliser of splitmix64, the number of element i is
  /// `mix(start + G * (i + 1)) >> 40`, modulo 2^64.
  ///
  /// - Parameters:
  ///   - draws: Receives `count` numbers below 2^24.
  ///   - count: How many.
  ///   - start: Where the sequence starts.
  ///   - first: The position of the first element in the tensor.
  package func draw(
    into draws: UnsafeMutablePointer<UInt32>, count: Int, start: UInt64, first: Int
  ) {
    // Safety: the caller guarantees room for `count` numbers.
    unsafe functions.pointee.draw(start, UInt64(first), count, draws)
  }

  /// Selects the elements whose number reaches a limit, for each of several limits.
  ///
  /// - Parameters:
  ///   - count: How many elements.
  ///   - start: Where the sequence starts.
  ///   - first: The position of the first element in the tensor.
  ///   - limits: The limits, each at most 2^24.
  ///   - keep: For each limit, receives one bit per element, the least significant bit of a word first;
  ///     bits past `count` in the last word are 0.
  package func keepDrawn(
    count: Int, start: UInt64, first: Int, atLeast limits: [UInt32],
    keep: UnsafePointer<UnsafeMutablePointer<UInt64>>
  ) {
    precondition(limits.allSatisfy { $0 <= 1 << 24 }, "draws have 24 bits")
    // Safety: the caller guarantees the keep words of `count` elements for each limit.
    unsafe functions.pointee.keep_drawn(
      start, UInt64(first), count, limits, limits.count, keep)
  }

  /// Selects the elements whose number reaches a limit.
  ///
  /// - Parameters:
  ///   - count: How many elements.
  ///   - start: Where the sequence starts.
  ///   - first: The position of the first element in the tensor.
  ///   - limit: The limit, at most 2^24.
  ///   - keep: As above.
  package func keepDrawn(
    count: Int, start: UInt64, first: Int, atLeast limit: UInt32,
    keep: UnsafeMutablePointer<UInt64>
  ) {
    precondition(limit <= 1 << 24, "draws have 24 bits")
    var (limit, keep) = unsafe (limit, keep)
    // Safety: as above.
    unsafe functions.pointee.keep_drawn(start, UInt64(first), count, &limit, 1, &keep)
  }
}
