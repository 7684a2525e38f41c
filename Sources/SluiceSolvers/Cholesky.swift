/// Cholesky factors of symmetric matrices on disk, tile by tile: three tiles are in memory at once.
///
/// Left-looking, so that every tile of the result is written once. LAPACK factorises the tiles on the
/// diagonal. Everything is in Double; the order of sums is fixed by the size of tiles.
package final class Cholesky {
  /// The usual number of rows and columns of a tile.
  package static let usualTile = 512

  private let tile: Int
  private let a: DenseMatrix
  private let b: DenseMatrix
  private let c: DenseMatrix

  /// Makes room for tiles.
  ///
  /// - Parameter tile: The number of rows and columns of a tile.
  package init(tile: Int = Cholesky.usualTile) {
    self.tile = tile
    a = DenseMatrix(capacity: tile * tile)
    b = DenseMatrix(capacity: tile * tile)
    c = DenseMatrix(capacity: tile * tile)
  }

  /// The bytes of the tiles.
  ///
  /// - Parameter tile: The number of rows and columns of a tile.
  /// - Returns: The number of bytes.
  package static func byteCount(tile: Int = Cholesky.usualTile) -> Int { 3 * tile * tile * 8 }

  /// The ranges into which tiles divide rows or columns.
  ///
  /// - Parameters:
  ///   - count: The number of rows or columns.
  ///   - tile: That of a tile.
  /// - Returns: The ranges, in order.
  static func ranges(_ count: Int, _ tile: Int) -> [Range<Int>] {
    stride(from: 0, to: count, by: tile).map { $0..<min($0 + tile, count) }
  }

  /// Replaces the lower half of a matrix by its Cholesky factor L: matrix = L * transpose(L).
  ///
  /// - Parameter matrix: The matrix; only its lower half is read.
  /// - Throws: `SolverError` if it is not positive definite.
  package func factorise(_ matrix: DiskMatrix) throws(SolverError) {
    let ranges = Cholesky.ranges(matrix.rowCount, tile)
    for (j, columns) in ranges.enumerated() {
      for rows in ranges[j...] {
        try a.read(matrix, rows, columns)
        for inner in ranges[..<j] {
          try b.read(matrix, rows, inner)
          try c.read(matrix, columns, inner)
          Dense.subtractProduct(b, c, isTransposed: true, from: a)
        }
        if rows == columns {
          if let row = Dense.factorise(a) { throw .notPositive(row: rows.lowerBound + row) }
        } else {
          try b.read(matrix, columns, columns)
          unsafe Dense.divide(
            a.pointer, a.columnCount, rows: a.rowCount, byLower: b, isTransposed: true)
        }
        try a.write(matrix, rows, columns)
      }
    }
  }

  /// Replaces a lower triangle by its inverse, column of tiles by column of tiles, in place: a column
  /// needs only what later columns have not overwritten yet.
  ///
  /// - Parameter matrix: The triangle; what is above the tiles of the diagonal is not looked at.
  /// - Throws: `SolverError` if the disk fails.
  package func invertLower(_ matrix: DiskMatrix) throws(SolverError) {
    let ranges = Cholesky.ranges(matrix.rowCount, tile)
    for (j, columns) in ranges.enumerated() {
      for (i, rows) in ranges.enumerated().dropFirst(j) {
        if i == j {
          try a.read(matrix, rows, columns)
          Dense.invertLower(a)
        } else {
          a.reshape(rows.count, columns.count)
          unsafe a.pointer.update(repeating: 0, count: a.count)
          for inner in ranges[j..<i] {
            try b.read(matrix, rows, inner)
            try c.read(matrix, inner, columns)
            Dense.subtractProduct(b, c, isTransposed: false, from: a)
          }
          // What was subtracted from nothing has the sign that the inverse wants already.
          try b.read(matrix, rows, rows)
          Dense.divide(a, fromLeftByLower: b)
        }
        try a.write(matrix, rows, columns)
      }
    }
  }

  /// Solves x * L * transpose(L) = y for rows of y, in place.
  ///
  /// - Parameters:
  ///   - panel: The rows of y, as long as the matrix; receives x.
  ///   - factor: The Cholesky factor L.
  /// - Throws: `SolverError` if the disk fails.
  package func solve(_ panel: DenseMatrix, by factor: DiskMatrix) throws(SolverError) {
    let ranges = Cholesky.ranges(factor.rowCount, tile)
    let (rows, stride) = (panel.rowCount, panel.columnCount)
    for (j, columns) in ranges.enumerated() {
      for inner in ranges[..<j] {
        try b.read(factor, columns, inner)
        unsafe Dense.subtract(
          panel.pointer + inner.lowerBound, stride, b, isTransposed: true,
          from: panel.pointer + columns.lowerBound, stride, rows: rows, columns: columns.count,
          inner: inner.count)
      }
      try b.read(factor, columns, columns)
      unsafe Dense.divide(
        panel.pointer + columns.lowerBound, stride, rows: rows, byLower: b, isTransposed: true)
    }
    for (j, columns) in ranges.enumerated().reversed() {
      for inner in ranges[(j + 1)...] {
        try b.read(factor, inner, columns)
        unsafe Dense.subtract(
          panel.pointer + inner.lowerBound, stride, b, isTransposed: false,
          from: panel.pointer + columns.lowerBound, stride, rows: rows, columns: columns.count,
          inner: inner.count)
      }
      try b.read(factor, columns, columns)
      unsafe Dense.divide(
        panel.pointer + columns.lowerBound, stride, rows: rows, byLower: b, isTransposed: false)
    }
  }
}
