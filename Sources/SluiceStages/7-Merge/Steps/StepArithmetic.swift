package import SluiceCore
package import SluiceKernels

/// Arithmetic on the tiles of one lane, each operation of which is rounded to the working type of the
/// tensor at hand.
///
/// Rule of the operations, as PyTorch has them in 16 bits: operands in Float32, one operation, one rounding;
/// numbers that are no tensors are not rounded first.
package final class StepArithmetic {
  /// The type that is rounded to.
  package var dtype = DType.f32
  private let kernels: Kernels
  private let rows: [AlignedBuffer<Float>]

  /// Makes room for rows of numbers.
  package init(rows: Int, kernels: Kernels) {
    self.kernels = kernels
    self.rows = (0..<rows).map { _ in AlignedBuffer(count: Granularity.tileElements, fill: 0) }
  }

  /// The bytes of some rows.
  package static func byteCount(rows: Int) -> Int { rows * Granularity.tileElements * 4 }

  /// Room for a row of numbers.
  package func row(_ index: Int) -> StepRow { unsafe StepRow(rows[index].pointer) }

  /// Does one operation on two rows.
  package func take(
    _ step: StepOperation, _ a: StepRow, _ b: StepRow, into out: StepRow, count: Int
  ) {
    // SAFETY: rows hold a whole tile.
    unsafe kernels.take(
      step, a.pointer, b.pointer, into: out.pointer, count: count, roundedTo: dtype)
  }

  /// Does one operation on a row and a number.
  package func take(
    _ step: StepOperation, _ a: StepRow, by number: Float, into out: StepRow, count: Int
  ) {
    // SAFETY: as above.
    unsafe kernels.take(
      step, a.pointer, nil, number: number, into: out.pointer, count: count, roundedTo: dtype)
  }

  /// Does one operation on two rows in Float32, for sums that are rounded at their end.
  package func takeExactly(
    _ step: StepOperation, _ a: StepRow, _ b: StepRow, into out: StepRow, count: Int
  ) {
    // SAFETY: as above.
    unsafe kernels.take(
      step, a.pointer, b.pointer, into: out.pointer, count: count, roundedTo: .f32)
  }

  /// Does one operation on a row and a number in Float32.
  package func takeExactly(
    _ step: StepOperation, _ a: StepRow, by number: Float, into out: StepRow, count: Int
  ) {
    // SAFETY: as above.
    unsafe kernels.take(
      step, a.pointer, nil, number: number, into: out.pointer, count: count, roundedTo: .f32)
  }

  /// Rounds a row to the working type.
  package func round(_ row: StepRow, count: Int) {
    take(.round, row, by: 0, into: row, count: count)
  }

  /// Sets a row to zero.
  package func clear(_ row: StepRow, count: Int) {
    // SAFETY: as above.
    unsafe row.pointer.update(repeating: 0, count: count)
  }

  /// Copies a row.
  package func copy(_ from: StepRow, into row: StepRow, count: Int) {
    // SAFETY: as above.
    unsafe row.pointer.update(from: from.pointer, count: count)
  }

  /// Adds the products of two rows, or the numbers of one, to a sum for each number modulo 16.
  package func addProducts(
    _ a: StepRow, _ b: StepRow?, count: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    // SAFETY: as above; the caller has the sums.
    unsafe kernels.addProducts(a.pointer, b?.pointer, count: count, to: sums)
  }

  /// A number rounded to the working type.
  package func rounded(_ value: Double) -> Float { StepArithmetic.rounded(Float(value), to: dtype) }

  /// A number rounded to a type, to nearest with ties to even.
  package static func rounded(_ value: Float, to dtype: DType) -> Float {
    var (value, result) = (value, Float(0))
    // SAFETY: one number at either address.
    unsafe Kernels.best.take(.round, &value, nil, into: &result, count: 1, roundedTo: dtype)
    return result
  }
}
