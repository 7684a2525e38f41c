internal import CSluiceKernels
package import SluiceCore

extension Kernels {
  /// Widens the elements of a tensor to Float32.
  ///
  /// F16, BF16 and F32 are exact; F64 is rounded to nearest, ties to even.
  ///
  /// - Parameters:
  ///   - raw: The bytes of `count` elements, at any address.
  ///   - dtype: Their type, one that is mergeable.
  ///   - values: Receives `count` numbers.
  ///   - count: How many elements.
  /// - Returns: The largest bit pattern of a magnitude; 0x7f800000 or more says that a value is not
  ///   finite.
  package func widen(
    _ raw: UnsafeRawPointer, _ dtype: DType, into values: UnsafeMutablePointer<Float>, count: Int
  ) -> UInt32 {
    // Safety: the caller guarantees `count` elements at both addresses.
    unsafe functions.pointee.widen(raw, Self.code(of: dtype), values, count)
  }

  /// Computes the delta of a fine-tuned model: Float32(tuned) - base, rounded once.
  ///
  /// - Parameters:
  ///   - tuned: The bytes of `count` elements of the fine-tuned model, at any address.
  ///   - dtype: Their type, one that is mergeable.
  ///   - base: The elements of the base model, widened.
  ///   - values: Receives `count` deltas; may be `base`.
  ///   - count: How many elements.
  /// - Returns: The largest bit pattern of a magnitude; 0x7f800000 or more says that a delta is not
  ///   finite.
  package func delta(
    _ tuned: UnsafeRawPointer, _ dtype: DType, base: UnsafePointer<Float>,
    into values: UnsafeMutablePointer<Float>, count: Int
  ) -> UInt32 {
    // Safety: the caller guarantees `count` elements at all addresses.
    unsafe functions.pointee.delta(tuned, Self.code(of: dtype), base, values, count)
  }

  /// Computes the delta of a fine-tuned model from two runs of one type: Float32(tuned) -
  /// Float32(base), rounded once.
  ///
  /// - Parameters:
  ///   - tuned: The bytes of `count` elements of the fine-tuned model, at any address.
  ///   - base: The bytes of the same elements of the base model, at any address.
  ///   - dtype: The type of both, one that is mergeable.
  ///   - values: Receives `count` deltas.
  ///   - count: How many elements.
  /// - Returns: The largest bit pattern of a magnitude; 0x7f800000 or more says that a delta is not
  ///   finite.
  package func difference(
    _ tuned: UnsafeRawPointer, _ base: UnsafeRawPointer, _ dtype: DType,
    into values: UnsafeMutablePointer<Float>, count: Int
  ) -> UInt32 {
    // Safety: the caller guarantees `count` elements at all addresses.
    unsafe functions.pointee.difference(tuned, base, Self.code(of: dtype), values, count)
  }

  /// Finishes merged elements: base + mergeScale * merged, product and sum rounded to Float32 each,
  /// then rounded to the output type, to nearest with ties to even.
  ///
  /// - Parameters:
  ///   - base: The elements of the base model, widened.
  ///   - merged: The merged deltas.
  ///   - mergeScale: The factor of all deltas.
  ///   - raw: Receives the bytes of `count` elements, at any address.
  ///   - dtype: The output type, one that is mergeable.
  ///   - count: How many elements.
  /// - Returns: The largest magnitude after rounding, as the bits of a Float32; 0x7f800000 or more
  ///   says that a value overflowed.
  package func finish(
    base: UnsafePointer<Float>, merged: UnsafePointer<Float>, mergeScale: Float,
    into raw: UnsafeMutableRawPointer, _ dtype: DType, count: Int
  ) -> UInt32 {
    // Safety: the caller guarantees `count` elements at all addresses.
    unsafe functions.pointee.finish(base, merged, mergeScale, raw, Self.code(of: dtype), count)
  }

  /// Finds the first NaN or infinity.
  ///
  /// - Parameters:
  ///   - values: The numbers.
  ///   - count: How many.
  /// - Returns: Its index, or nil if all numbers are finite.
  package func firstNonFinite(_ values: UnsafePointer<Float>, count: Int) -> Int? {
    // Safety: the caller guarantees `count` numbers.
    (0..<count).first { index in unsafe !values[index].isFinite }
  }
}
