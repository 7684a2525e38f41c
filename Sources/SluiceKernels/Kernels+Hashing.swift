internal import CSluiceKernels

extension Kernels {
  /// The XXH3 of bytes, with 128 bits.
  ///
  /// - Parameters:
  ///   - bytes: The bytes, at any address.
  ///   - seed: Another one gives another hash.
  /// - Returns: The upper half and the lower one.
  package func hash(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> (high: UInt64, low: UInt64) {
    unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 2) { halves in
      guard let start = halves.baseAddress else { preconditionFailure("there is room for two") }
      // Safety: the pointer is valid for the length; no bytes have a null pointer, which is allowed.
      unsafe functions.pointee.hash(bytes.baseAddress, bytes.count, seed, start)
      return unsafe (start[0], start[1])
    }
  }
}
