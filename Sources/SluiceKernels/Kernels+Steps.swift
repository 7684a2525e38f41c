internal import CSluiceKernels
package import SluiceCore

/// One operation on each element; its second operand is a number, or the element of another run.
package enum StepOperation: UInt32, Sendable, Hashable, CaseIterable {
  /// a.
  case round
  /// a + b.
  case add
  /// a - b.
  case subtract
  /// a * b.
  case multiply
  /// a / b.
  case divide
  /// b / a.
  case divideInto
  /// a * b plus what the output holds, rounded once.
  case fused
  /// |a|.
  case magnitude
  /// The larger of a and b.
  case atLeast
  /// The smaller of a and b.
  case atMost
  /// a, or b where a is zero.
  case unlessZero
  /// a where |a| is above b, else 0.
  case above
  /// 1 where |a| is above b, else 0.
  case isAbove
  /// 1 where a is b or more, else 0.
  case reaches
  /// 1 where a is above 0 and b is not below it, or both are below; else 0.
  case agrees
  /// e to the a, in Double and rounded to Float32.
  case exponential
  /// The natural logarithm of a, likewise.
  case logarithm
}

extension Kernels {
  /// Does one operation on each element, and rounds to a type, to nearest with ties to even.
  ///
  /// Formula: out[i] = round(step(a[i], b[i])), the operation in Float32 with a rounding of its own.
  ///
  /// - Parameters:
  ///   - step: The operation.
  ///   - first: The first operand of each.
  ///   - second: The second; `number` if there is none.
  ///   - number: The second operand of all.
  ///   - out: Receives `count` numbers; may be one of the operands.
  ///   - count: How many elements.
  ///   - dtype: The type that is rounded to: F32, F16 or BF16.
  /// - Returns: The largest bit pattern of a magnitude; 0x7f800000 or more says that a result is not
  ///   finite.
  @discardableResult
  package func take(
    _ step: StepOperation, _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>?,
    number: Float = 0, into out: UnsafeMutablePointer<Float>, count: Int, roundedTo dtype: DType
  ) -> UInt32 {
    // Safety: the caller guarantees `count` numbers at all addresses.
    unsafe functions.pointee.take_step(
      sluice_step(rawValue: step.rawValue), Self.code(of: dtype), first, second, number, out, count)
  }

  /// Adds up products, or numbers, in Double.
  ///
  /// Products of two Float32 are exact in Double; element i is added to sum i modulo 16.
  ///
  /// - Parameters:
  ///   - first: The first factors.
  ///   - second: The second; the numbers themselves are added up if there are none.
  ///   - count: How many.
  ///   - sums: `squareSumCount` sums.
  package func addProducts(
    _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>?, count: Int,
    to sums: UnsafeMutablePointer<Double>
  ) {
    // Safety: the caller guarantees `count` numbers of each, and the sums.
    unsafe functions.pointee.add_products(first, second, count, sums)
  }
}
