/// RegMean (arXiv 2212.09849), section 3.2: the weights that change least what linear layers put out
/// for the inputs that the models' Gram matrices stand for.
///
/// Formula, with rows of weights for outputs: W = (sum_i W_i G_i) * inverse(sum_i G_i), so
/// W - base = (sum_i D_i G_i) * inverse(sum_i G_i) for D_i = W_i - base, which is what is solved. Off
/// the diagonal G_i is multiplied by `offDiagonal`. An input that no model has seen (a zero on the
/// diagonal of the sum) keeps the base's weights.
/// Accuracy: Double throughout.
package struct RegMean {
  /// What elements of Gram matrices off the diagonal are multiplied by.
  package let offDiagonal: Double
  private let scratch: ScratchSpace
  private let tile: Int
  private let panelRows: Int

  /// Chooses sizes.
  ///
  /// - Parameters:
  ///   - offDiagonal: What elements of Gram matrices off the diagonal are multiplied by.
  ///   - scratch: Where the matrix on disk is made.
  ///   - tile: The number of rows and columns of a tile.
  ///   - panelRows: How many rows of weights are solved at once.
  package init(
    offDiagonal: Double, scratch: ScratchSpace, tile: Int = Cholesky.usualTile, panelRows: Int
  ) {
    self.offDiagonal = offDiagonal
    self.scratch = scratch
    self.tile = tile
    self.panelRows = panelRows
  }

  /// The bytes that it holds in memory.
  ///
  /// - Parameters:
  ///   - columnCount: The number of inputs.
  ///   - tile: The number of rows and columns of a tile.
  ///   - panelRows: How many rows of weights are solved at once.
  /// - Returns: The number of bytes.
  package static func byteCount(
    columnCount: Int, tile: Int = Cholesky.usualTile, panelRows: Int
  ) -> Int {
    Cholesky.byteCount(tile: tile)
      + 8 * columnCount * (2 * panelRows + 2 * gramRows(columnCount))
  }

  /// How many rows of a Gram matrix are read at once: about 8 MiB.
  static func gramRows(_ columnCount: Int) -> Int { max(1, (1 << 20) / max(columnCount, 1)) }

  /// Solves for one layer.
  ///
  /// - Parameters:
  ///   - rowCount: The number of outputs.
  ///   - columnCount: The number of inputs.
  ///   - modelCount: The number of models.
  ///   - isSeparate: Whether what each model adds is solved for by itself.
  ///   - readGram: Reads rows of a model's Gram matrix.
  ///   - readDeltas: Reads rows of a model's deltas.
  ///   - emit: Takes rows of the merged deltas, in order, or of what each model adds, model after model.
  /// - Throws: What the functions throw, `SolverError` if the sum of Gram matrices is singular.
  package func solve(
    rowCount: Int, columnCount: Int, modelCount: Int, isSeparate: Bool = false,
    readGram: (_ model: Int, _ rows: Range<Int>, UnsafeMutablePointer<Double>) throws -> Void,
    readDeltas: (_ model: Int, _ rows: Range<Int>, UnsafeMutablePointer<Double>) throws -> Void,
    emit: (_ model: Int, _ rows: Range<Int>, UnsafePointer<Double>) throws -> Void
  ) throws {
    let step = RegMean.gramRows(columnCount)
    let gram = DenseMatrix(capacity: step * columnCount)
    let sum = try DiskMatrix(
      in: scratch, "gram", rowCount: columnCount, columnCount: columnCount)
    let deltas = DenseMatrix(capacity: panelRows * columnCount)
    let panel = DenseMatrix(capacity: panelRows * columnCount)
    for rows in Cholesky.ranges(columnCount, step) {
      try unsafe addUp(rows, gram, modelCount, readGram, sum)
    }
    let cholesky = Cholesky(tile: tile)
    try cholesky.factorise(sum)
    let parts = isSeparate ? (0..<modelCount).map { $0..<$0 + 1 } : [0..<modelCount]
    for rows in Cholesky.ranges(rowCount, panelRows) {
      for part in parts {
        panel.reshape(rows.count, columnCount)
        unsafe panel.pointer.update(repeating: 0, count: panel.count)
        for model in part {
          deltas.reshape(rows.count, columnCount)
          try unsafe readDeltas(model, rows, deltas.pointer)
          for inner in Cholesky.ranges(columnCount, step) {
            gram.reshape(inner.count, columnCount)
            try unsafe readGram(model, inner, gram.pointer)
            scale(gram, firstRow: inner.lowerBound)
            unsafe Dense.subtract(
              deltas.pointer + inner.lowerBound, columnCount, gram, isTransposed: false,
              from: panel.pointer, columnCount, rows: rows.count, columns: columnCount,
              inner: inner.count)
          }
        }
        for index in 0..<panel.count { unsafe panel.pointer[index] = -panel.pointer[index] }
        try cholesky.solve(panel, by: sum)
        try unsafe emit(part.lowerBound, rows, panel.pointer)
      }
    }
  }

  /// Adds up rows of all Gram matrices and writes them.
  private func addUp(
    _ rows: Range<Int>, _ gram: DenseMatrix, _ modelCount: Int,
    _ readGram: (Int, Range<Int>, UnsafeMutablePointer<Double>) throws -> Void, _ sum: DiskMatrix
  ) throws {
    let columns = sum.columnCount
    let total = DenseMatrix(capacity: rows.count * columns)
    total.reshape(rows.count, columns)
    for model in 0..<modelCount {
      gram.reshape(rows.count, columns)
      try unsafe readGram(model, rows, gram.pointer)
      scale(gram, firstRow: rows.lowerBound)
      for index in 0..<total.count { unsafe total.pointer[index] += gram.pointer[index] }
    }
    for row in rows {
      let diagonal = (row - rows.lowerBound) * columns + row
      if unsafe total.pointer[diagonal] == 0 { unsafe total.pointer[diagonal] = 1 }
    }
    try total.write(sum, rows, 0..<columns)
  }

  private func scale(_ gram: DenseMatrix, firstRow: Int) {
    guard offDiagonal != 1 else { return }
    for row in 0..<gram.rowCount {
      let start = unsafe gram.pointer + row * gram.columnCount
      let kept = unsafe start[firstRow + row]
      for column in 0..<gram.columnCount { unsafe start[column] *= offDiagonal }
      unsafe start[firstRow + row] = kept
    }
  }
}
