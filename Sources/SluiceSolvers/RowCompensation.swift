package import SluiceKernels

/// What makes up for what a mask removed of a row, along some directions of its inputs.
///
/// Formula, with d a row of deltas, k what is kept of it, S the elements of k that are not zero and Y a row of
/// numbers for each input: e = (d - k) * Y, A = transpose(Y_S) * Y_S + rho * mean(diagonal) * I, x = inverse(A)
/// * transpose(e); then k + Y_S * x puts out along Y what d does, nearly. x is what is computed here. It is
/// zero where nothing is kept, and leaves out directions that A does not tell apart in Double.
/// Source: ours (docs/reference/methods.md, Compensation).
/// Accuracy: e as `Kernels.project` adds up, all else in Double: sums as in `Kernels`, then number by number.
@safe package final class RowCompensation {
  private let ridge: Double
  private let kernels: Kernels
  /// Of some rows.
  private let removed: AlignedBuffer<Float>
  private let missing: AlignedBuffer<Double>
  private let square: AlignedBuffer<Double>

  /// How many rows are projected together, which takes less than one after the other.
  package static let rowsAtOnce = 16

  /// Makes room.
  ///
  /// - Parameters:
  ///   - columnCount: The most elements of a row.
  ///   - rank: The most directions.
  ///   - ridge: rho.
  ///   - kernels: The kernels to compute with.
  package init(columnCount: Int, rank: Int, ridge: Double, kernels: Kernels) {
    self.ridge = ridge
    self.kernels = kernels
    let rows = RowCompensation.rowsAtOnce
    removed = AlignedBuffer(count: rows * columnCount, fill: 0)
    missing = AlignedBuffer(count: rows * rank, fill: 0)
    square = AlignedBuffer(count: rank * rank, fill: 0)
  }

  /// The bytes of the buffers.
  package static func byteCount(columnCount: Int, rank: Int) -> Int {
    rowsAtOnce * (4 * columnCount + 8 * rank) + 8 * rank * rank
  }

  /// Solves for rows, which lie one behind the other.
  ///
  /// - Parameters:
  ///   - deltas: The rows' deltas.
  ///   - kept: What is kept of them.
  ///   - rowCount: How many rows.
  ///   - count: How many elements of each.
  ///   - panels: Y, in panels.
  ///   - directions: Y, a row of `width` numbers for each element.
  ///   - width: How many directions.
  ///   - weights: Receives x of each row.
  ///   - stride: How far they are from each other.
  package func solve(
    _ deltas: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, rowCount: Int, count: Int,
    along panels: UnsafePointer<Float>, _ directions: UnsafePointer<Double>, width: Int,
    into weights: UnsafeMutablePointer<Double>, stride: Int
  ) {
    for first in Swift.stride(from: 0, to: rowCount, by: RowCompensation.rowsAtOnce) {
      let rows = min(RowCompensation.rowsAtOnce, rowCount - first)
      // SAFETY: the caller guarantees that all runs have as many numbers as said.
      let (all, left) = unsafe (deltas + first * count, kept + first * count)
      for index in 0..<rows * count { unsafe removed.pointer[index] = all[index] - left[index] }
      unsafe kernels.project(
        removed.pointer, rowCount: rows, count: count, on: panels, width: width,
        to: missing.pointer)
      for row in 0..<rows {
        unsafe solve(
          left + row * count, count: count, along: directions, width: width,
          missing: missing.pointer + row * width, into: weights + (first + row) * stride)
      }
    }
  }

  /// Solves for a row of which it is known what is missing along the directions.
  private func solve(
    _ kept: UnsafePointer<Float>, count: Int, along directions: UnsafePointer<Double>,
    width: Int, missing: UnsafePointer<Double>, into weights: UnsafeMutablePointer<Double>
  ) {
    // SAFETY: as above.
    unsafe weights.update(repeating: 0, count: width)
    square.fill(0)
    unsafe kernels.addGram(
      of: directions, width: width, where: kept, count: count, to: square.pointer)
    var trace = 0.0
    for index in 0..<width { unsafe trace += square.pointer[index * width + index] }
    guard trace > 0 else { return }
    let added = ridge * (trace / Double(width))
    for index in 0..<width { unsafe square.pointer[index * width + index] += added }
    unsafe SmallCholesky.factorise(square.pointer, width: width, kernels: kernels)
    unsafe weights.update(from: missing, count: width)
    unsafe SmallCholesky.solve(square.pointer, width: width, weights)
  }
}
