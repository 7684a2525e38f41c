internal import CLAPACK
internal import SluiceKernels

/// A dense part of a matrix in memory, row after row without gaps.
@safe package final class DenseMatrix {
  private let buffer: AlignedBuffer<Double>
  /// The number of rows that are in use.
  package private(set) var rowCount = 0
  /// The number of columns that are in use.
  package private(set) var columnCount = 0

  /// Makes room.
  ///
  /// - Parameter capacity: The most elements.
  package init(capacity: Int) { buffer = AlignedBuffer(count: capacity, fill: 0) }

  /// The first element.
  package var pointer: UnsafeMutablePointer<Double> { unsafe buffer.pointer }
  /// How many elements are in use.
  package var count: Int { rowCount * columnCount }

  /// Takes a shape; what the elements are is not said.
  ///
  /// - Parameters:
  ///   - rowCount: The number of rows.
  ///   - columnCount: The number of columns.
  package func reshape(_ rowCount: Int, _ columnCount: Int) {
    precondition(rowCount * columnCount <= buffer.count)
    self.rowCount = rowCount
    self.columnCount = columnCount
  }

  /// Reads a part of a matrix on disk.
  ///
  /// - Parameters:
  ///   - matrix: The matrix.
  ///   - rows: The rows.
  ///   - columns: The columns.
  /// - Throws: `SolverError` if it cannot be read.
  package func read(
    _ matrix: DiskMatrix, _ rows: Range<Int>, _ columns: Range<Int>
  ) throws(SolverError) {
    reshape(rows.count, columns.count)
    try unsafe matrix.read(rows, columns, into: pointer)
  }

  /// Writes a part of a matrix on disk.
  ///
  /// - Parameters:
  ///   - matrix: The matrix.
  ///   - rows: The rows.
  ///   - columns: The columns.
  /// - Throws: `SolverError` if it cannot be written.
  package func write(
    _ matrix: DiskMatrix, _ rows: Range<Int>, _ columns: Range<Int>
  ) throws(SolverError) {
    precondition(rows.count == rowCount && columns.count == columnCount)
    try unsafe matrix.write(rows, columns, from: pointer)
  }

  /// Turns the order of rows and of columns around.
  package func reverse() {
    // SAFETY: the buffer holds that many elements.
    var elements = unsafe UnsafeMutableBufferPointer(start: pointer, count: count)
    unsafe elements.reverse()
  }
}

/// Products and factors of dense matrices, by BLAS and LAPACK.
enum Dense {
  /// c -= a * b, or a * transpose(b).
  static func subtractProduct(
    _ a: DenseMatrix, _ b: DenseMatrix, isTransposed: Bool, from c: DenseMatrix
  ) {
    precondition(
      a.rowCount == c.rowCount && a.columnCount == (isTransposed ? b.columnCount : b.rowCount))
    unsafe subtract(
      a.pointer, a.columnCount, b, isTransposed: isTransposed, from: c.pointer, c.columnCount,
      rows: c.rowCount, columns: c.columnCount, inner: a.columnCount)
  }

  /// The same for parts of larger matrices: strides say how far rows lie apart.
  static func subtract(
    _ a: UnsafePointer<Double>, _ strideA: Int, _ b: DenseMatrix, isTransposed: Bool,
    from c: UnsafeMutablePointer<Double>, _ strideC: Int, rows: Int, columns: Int, inner: Int
  ) {
    guard rows > 0, columns > 0, inner > 0 else { return }
    // SAFETY: the caller guarantees that all parts have as many elements as the numbers say.
    LibraryCalls.perform {
      unsafe cblas_dgemm(
        Int32(SLUICE_ROW_MAJOR), Int32(SLUICE_NO_TRANSPOSE),
        Int32(isTransposed ? SLUICE_TRANSPOSE : SLUICE_NO_TRANSPOSE), Int32(rows), Int32(columns),
        Int32(inner), -1, a, Int32(strideA), b.pointer, Int32(b.columnCount), 1, c, Int32(strideC))
    }
  }

  /// c += the products of columns of a matrix, from some column on, with each other: as many rows as `c` has.
  static func addGram(of a: DenseMatrix, from first: Int, to c: DenseMatrix) {
    guard c.count > 0, a.rowCount > 0 else { return }
    precondition(first + c.columnCount == a.columnCount && c.rowCount <= c.columnCount)
    let start = unsafe a.pointer + first
    // SAFETY: as just checked.
    LibraryCalls.perform {
      unsafe cblas_dgemm(
        Int32(SLUICE_ROW_MAJOR), Int32(SLUICE_TRANSPOSE), Int32(SLUICE_NO_TRANSPOSE),
        Int32(c.rowCount), Int32(c.columnCount), Int32(a.rowCount), 1, start,
        Int32(a.columnCount), start, Int32(a.columnCount), 1, c.pointer, Int32(c.columnCount))
    }
  }

  /// b = b * inverse(triangle), or with the transposed triangle; the triangle is a lower one.
  static func divide(
    _ b: UnsafeMutablePointer<Double>, _ stride: Int, rows: Int, byLower triangle: DenseMatrix,
    isTransposed: Bool
  ) {
    guard rows > 0 else { return }
    // SAFETY: as above.
    LibraryCalls.perform {
      unsafe cblas_dtrsm(
        Int32(SLUICE_ROW_MAJOR), Int32(SLUICE_RIGHT), Int32(SLUICE_LOWER),
        Int32(isTransposed ? SLUICE_TRANSPOSE : SLUICE_NO_TRANSPOSE), Int32(SLUICE_NON_UNIT),
        Int32(rows), Int32(triangle.rowCount), 1, triangle.pointer, Int32(triangle.columnCount), b,
        Int32(stride))
    }
  }

  /// b = inverse(triangle) * b, for a lower triangle.
  static func divide(_ b: DenseMatrix, fromLeftByLower triangle: DenseMatrix) {
    // SAFETY: the matrices hold what their shapes say.
    LibraryCalls.perform {
      unsafe cblas_dtrsm(
        Int32(SLUICE_ROW_MAJOR), Int32(SLUICE_LEFT), Int32(SLUICE_LOWER),
        Int32(SLUICE_NO_TRANSPOSE), Int32(SLUICE_NON_UNIT), Int32(b.rowCount),
        Int32(b.columnCount), 1, triangle.pointer, Int32(triangle.columnCount), b.pointer,
        Int32(b.columnCount))
    }
  }

  /// Replaces a symmetric matrix by its lower Cholesky factor, zeros above it.
  ///
  /// Rows of ours are columns of LAPACK's, so its upper factor is our lower one.
  ///
  /// - Returns: The row at which it is not positive definite, or nil.
  static func factorise(_ a: DenseMatrix) -> Int? {
    var (n, info) = (Int32(a.rowCount), Int32(0))
    // SAFETY: the matrix is square.
    LibraryCalls.perform { unsafe dpotrf_("U", &n, a.pointer, &n, &info, 1) }
    clearAbove(a)
    return info == 0 ? nil : Int(info) - 1
  }

  /// Replaces a lower triangle by its inverse.
  static func invertLower(_ a: DenseMatrix) {
    var (n, info) = (Int32(a.rowCount), Int32(0))
    // SAFETY: as above.
    LibraryCalls.perform { unsafe dtrtri_("U", "N", &n, a.pointer, &n, &info, 1, 1) }
    precondition(info == 0, "a Cholesky factor has no zero on its diagonal")
  }

  private static func clearAbove(_ a: DenseMatrix) {
    let n = a.rowCount
    for row in 0..<n {
      unsafe (a.pointer + row * n + row + 1).update(repeating: 0, count: n - row - 1)
    }
  }
}
