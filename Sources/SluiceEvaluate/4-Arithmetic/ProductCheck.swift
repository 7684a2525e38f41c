internal import SluiceCore
internal import SluiceDataflow
internal import SluiceKernels
internal import SluiceSolvers

/// A look at the library before it is trusted: old builds choose wrong kernels on some new processors.
enum ProductCheck {
  /// A product that has edges in all three directions, and more than one block inside.
  private static let size = (rows: 67, columns: 93, inner: 411)
  /// The smallest numbers that the seed of a product of that size may give.
  private static let bound = 1e-4

  /// Checks that the library gets its memory, and compares a product with a plain loop.
  ///
  /// - Parameter threads: How many threads multiply.
  /// - Throws: `SolverError` if addresses are too few; `EvaluationError` that names the kernels, if they are wrong.
  static func run(threads: Int) throws {
    try LibraryCalls.checkAddresses(threads: threads)
    try unsafe run { unsafe Products.multiply($0, $1, into: $2, ProductCheck.size) }
  }

  /// Compares what multiplies with a plain loop.
  static func run(
    _ multiply: (Products.Operand, Products.Operand, Products.Operand) -> Void
  ) throws(EvaluationError) {
    let (a, b) = (numbers(size.rows * size.inner, 7), numbers(size.columns * size.inner, 11))
    let c = AlignedBuffer<Float>(count: size.rows * size.columns, fill: .nan)
    unsafe multiply(
      Products.Operand(start: a.pointer, stride: size.inner),
      Products.Operand(start: b.pointer, stride: size.inner),
      Products.Operand(start: c.pointer, stride: size.columns))
    for row in 0..<size.rows {
      for column in 0..<size.columns {
        var sum = 0.0
        for index in 0..<size.inner {
          // SAFETY: all indices are below the sizes.
          sum +=
            unsafe Double(a.pointer[row * size.inner + index])
            * Double(b.pointer[column * size.inner + index])
        }
        let found = unsafe Double(c.pointer[row * size.columns + column])
        guard abs(found - sum) <= bound else { throw wrong(row, column, found, sum) }
      }
    }
  }

  private static func wrong(
    _ row: Int, _ column: Int, _ found: Double, _ expected: Double
  ) -> EvaluationError {
    EvaluationError(
      Failure(
        .internal,
        message: "OpenBLAS multiplies wrongly with its kernels for \(Products.processor): "
          + "\(found) in row \(row), column \(column) of a small product; a plain loop says \(expected)",
        remedy:
          "Choose kernels of an older processor, such as OPENBLAS_CORETYPE=Haswell, or another "
          + "build of the library."))
  }

  /// The same numbers between -0.5 and 0.5 each time.
  private static func numbers(_ count: Int, _ step: UInt32) -> AlignedBuffer<Float> {
    let buffer = AlignedBuffer<Float>(count: count, fill: 0)
    var state = step
    for index in 0..<count {
      state = state &* 1_664_525 &+ 1_013_904_223
      unsafe buffer.pointer[index] = Float(state >> 8) / Float(1 << 24) - 0.5
    }
    return buffer
  }

  /// How fast the library multiplies on one thread, in floating-point operations a second.
  ///
  /// - Parameter size: The size of a product.
  /// - Returns: The best of a few tries.
  static func speed(_ size: (rows: Int, columns: Int, inner: Int)) -> Double {
    let (a, b) = (numbers(size.rows * size.inner, 3), numbers(size.columns * size.inner, 5))
    let c = AlignedBuffer<Float>(count: size.rows * size.columns, fill: 0)
    var best = Double.infinity
    let start = MonotonicTime.now
    repeat {
      let begin = MonotonicTime.now
      unsafe Products.multiply(
        Products.Operand(start: a.pointer, stride: size.inner),
        Products.Operand(start: b.pointer, stride: size.inner),
        into: Products.Operand(start: c.pointer, stride: size.columns), size)
      best = min(best, MonotonicTime.now.seconds(since: begin))
    } while MonotonicTime.now.seconds(since: start) < 0.1
    return 2 * Double(size.rows) * Double(size.columns) * Double(size.inner) / max(best, 1e-9)
  }
}
