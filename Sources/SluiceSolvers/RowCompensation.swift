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
  private let removed: AlignedBuffer<Float>
  private let square: AlignedBuffer<Double>

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
    removed = AlignedBuffer(count: columnCount, fill: 0)
    square = AlignedBuffer(count: rank * rank, fill: 0)
  }

  /// The bytes of the buffers.
  package static func byteCount(columnCount: Int, rank: Int) -> Int {
    4 * columnCount + 8 * rank * rank
  }

  /// Solves for a row.
  ///
  /// - Parameters:
  ///   - deltas: The row's deltas.
  ///   - kept: What is kept of them.
  ///   - count: How many elements.
  ///   - panels: Y, in panels.
  ///   - directions: Y, a row of `width` numbers for each element.
  ///   - width: How many directions.
  ///   - weights: Receives x.
  package func solve(
    _ deltas: UnsafePointer<Float>, _ kept: UnsafePointer<Float>, count: Int,
    along panels: UnsafePointer<Float>, _ directions: UnsafePointer<Double>, width: Int,
    into weights: UnsafeMutablePointer<Double>
  ) {
    // SAFETY: the caller guarantees that all runs have as many numbers as said.
    unsafe weights.update(repeating: 0, count: width)
    for index in 0..<count { unsafe removed.pointer[index] = deltas[index] - kept[index] }
    square.fill(0)
    unsafe kernels.addGram(
      of: directions, width: width, where: kept, count: count, to: square.pointer)
    var trace = 0.0
    for index in 0..<width { unsafe trace += square.pointer[index * width + index] }
    guard trace > 0 else { return }
    let added = ridge * (trace / Double(width))
    for index in 0..<width { unsafe square.pointer[index * width + index] += added }
    unsafe SmallCholesky.factorise(square.pointer, width: width, kernels: kernels)
    unsafe kernels.project(
      removed.pointer, count: count, on: panels, width: width, to: weights)
    unsafe SmallCholesky.solve(square.pointer, width: width, weights)
  }
}
