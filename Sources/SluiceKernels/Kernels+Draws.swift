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

  /// Selects the elements whose number reaches a limit.
  ///
  /// - Parameters:
  ///   - draws: The numbers, below 2^24.
  ///   - count: How many.
  ///   - limit: The limit, at most 2^24.
  ///   - keep: Receives one bit per element, the least significant bit of a word first; bits past
  ///     `count` in the last word are 0.
  /// - Returns: How many elements stay.
  package func keepDrawn(
    _ draws: UnsafePointer<UInt32>, count: Int, atLeast limit: UInt32,
    keep: UnsafeMutablePointer<UInt64>
  ) -> Int {
    precondition(limit <= 1 << 24, "draws have 24 bits")
    // Safety: the caller guarantees `count` numbers and their keep words.
    return unsafe functions.pointee.keep_drawn(draws, count, limit, keep)
  }
}
