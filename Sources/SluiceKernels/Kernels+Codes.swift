internal import CSluiceKernels
package import SluiceCore

extension Kernels {
  /// Turns codes into numbers: each times the scale of its block, rounded once.
  ///
  /// Formula and source: `PackedView`. NaN of E4M3 stays one.
  ///
  /// - Parameters:
  ///   - codes: The byte that holds the first code, at any address.
  ///   - code: What a code stands for.
  ///   - first: The position of the first code in its line; of two in a byte the even one is lower.
  ///   - count: How many codes.
  ///   - scales: The scale of the first code's block, and of each after it.
  ///   - block: How many codes share a scale; blocks begin at multiples of it.
  ///   - out: Receives the numbers.
  package func decode(
    _ codes: UnsafeRawPointer, _ code: PackedCode, first: Int, count: Int,
    scales: UnsafePointer<Float>, block: Int, into out: UnsafeMutablePointer<Float>
  ) {
    precondition(first >= 0 && count >= 0 && block > 0)
    let kind =
      switch code {
      case .e4m3: SLUICE_E4M3
      case .e2m1: SLUICE_E2M1
      case .int4: SLUICE_INT4
      }
    // Safety: the caller guarantees `count` codes, the scales of their blocks, and room for as many
    // numbers.
    unsafe functions.pointee.decode(
      codes.assumingMemoryBound(to: UInt8.self), kind, first, count, scales, block, out)
  }
}
