/// SparseGPT (arXiv 2301.00774), section 3: removes the weights of a layer that matter least for its
/// outputs, and moves the others so as to make up for them.
///
/// With H the Gram matrix of the inputs (any positive multiple gives the same): inputs with H_jj = 0
/// get H_jj = 1 and lose their weights; H += dampening * mean(diag H) * I; U is the upper factor with
/// inverse(H) = transpose(U) * U. In blocks of 128 columns: score = w^2 / U_jj^2; all weights of the
/// block are removed whose score is at most the one at position floor(rate * count), counted from 0
/// in ascending order; column by column err = (w - q) / U_jj, and err * U_jk is taken off the later
/// columns k. Later blocks take that off when it is their turn, for all earlier columns at once.
///
/// U is found without an inverse: with J the matrix that turns the order around and J H J = L
/// transpose(L), U = J * inverse(L) * J. L lies on disk, and so do the weights and their errors.
/// Accuracy: Double throughout.
package final class SparseSolver {
  /// The number of columns of a block.
  package static let blockColumns = 128

  private let rate: Double
  private let dampening: Double
  private let scratch: ScratchSpace
  private let tile: Int
  private let panelRows: Int

  /// Chooses sizes.
  ///
  /// - Parameters:
  ///   - rate: The share of weights to remove.
  ///   - dampening: What is added to the diagonal, as a share of its mean.
  ///   - scratch: Where matrices on disk are made.
  ///   - tile: The number of rows and columns of a tile.
  ///   - panelRows: How many rows of errors are read at once.
  package init(
    rate: Double, dampening: Double = 0.01, scratch: ScratchSpace, tile: Int = Cholesky.usualTile,
    panelRows: Int = Cholesky.usualTile
  ) {
    self.rate = rate
    self.dampening = dampening
    self.scratch = scratch
    self.tile = tile
    self.panelRows = panelRows
  }

  /// The bytes that it holds in memory.
  ///
  /// - Parameters:
  ///   - rowCount: The number of outputs.
  ///   - columnCount: The number of inputs.
  ///   - tile: The number of rows and columns of a tile.
  ///   - panelRows: How many rows of errors are read at once.
  /// - Returns: The number of bytes.
  package static func byteCount(
    rowCount: Int, columnCount: Int, tile: Int = Cholesky.usualTile,
    panelRows: Int = Cholesky.usualTile
  ) -> Int {
    let blocks = 3 * rowCount * min(blockColumns, columnCount)
    let rows = RegMean.gramRows(columnCount) * columnCount
    return Cholesky.byteCount(tile: tile)
      + 8 * (blocks + rows + tile * (panelRows + 2 * blockColumns) + columnCount)
  }

  /// Prunes one layer.
  ///
  /// - Parameters:
  ///   - rowCount: The number of outputs.
  ///   - columnCount: The number of inputs.
  ///   - readGram: Reads rows of the Gram matrix.
  ///   - readWeights: Reads rows of the weights.
  ///   - emit: Takes rows of the pruned weights, in order.
  /// - Throws: What the functions throw, `SolverError` if the Gram matrix is not positive definite.
  package func solve(
    rowCount: Int, columnCount: Int,
    readGram: (_ rows: Range<Int>, UnsafeMutablePointer<Double>) throws -> Void,
    readWeights: (_ rows: Range<Int>, UnsafeMutablePointer<Double>) throws -> Void,
    emit: (_ rows: Range<Int>, UnsafePointer<Double>) throws -> Void
  ) throws {
    let (factor, dead) = try unsafe self.factor(columnCount, readGram)
    let weights = try DiskMatrix(
      in: scratch, "weights", rowCount: rowCount, columnCount: columnCount)
    let step = RegMean.gramRows(columnCount)
    let rows = DenseMatrix(capacity: step * columnCount)
    for range in Cholesky.ranges(rowCount, step) {
      rows.reshape(range.count, columnCount)
      try unsafe readWeights(range, rows.pointer)
      for column in dead {
        for row in 0..<range.count { unsafe rows.pointer[row * columnCount + column] = 0 }
      }
      try rows.write(weights, range, 0..<columnCount)
    }
    let errors = try DiskMatrix(
      in: scratch, "errors", rowCount: rowCount, columnCount: columnCount)
    let block = SparseBlock(rowCount: rowCount, rate: rate, tile: tile, panelRows: panelRows)
    for columns in Cholesky.ranges(columnCount, SparseSolver.blockColumns) {
      try block.prune(columns, weights: weights, errors: errors, factor: factor)
    }
    for range in Cholesky.ranges(rowCount, step) {
      try rows.read(weights, range, 0..<columnCount)
      try unsafe emit(range, rows.pointer)
    }
  }

  /// The inverse of L on disk, and the inputs that were never seen.
  private func factor(
    _ count: Int, _ readGram: (Range<Int>, UnsafeMutablePointer<Double>) throws -> Void
  ) throws -> (DiskMatrix, dead: [Int]) {
    let matrix = try DiskMatrix(in: scratch, "gram", rowCount: count, columnCount: count)
    let step = RegMean.gramRows(count)
    let rows = DenseMatrix(capacity: step * count)
    var dead: [Int] = []
    var trace = 0.0
    for range in Cholesky.ranges(count, step) {
      rows.reshape(range.count, count)
      try unsafe readGram(range, rows.pointer)
      for row in range {
        let diagonal = (row - range.lowerBound) * count + row
        if unsafe rows.pointer[diagonal] == 0 {
          dead.append(row)
          unsafe rows.pointer[diagonal] = 1
        }
        trace += unsafe rows.pointer[diagonal]
      }
      rows.reverse()
      try rows.write(matrix, (count - range.upperBound)..<(count - range.lowerBound), 0..<count)
    }
    let addition = dampening * (trace / Double(count))
    for row in 0..<count {
      try rows.read(matrix, row..<(row + 1), row..<(row + 1))
      unsafe rows.pointer[0] += addition
      try rows.write(matrix, row..<(row + 1), row..<(row + 1))
    }
    let cholesky = Cholesky(tile: tile)
    try cholesky.factorise(matrix)
    try cholesky.invertLower(matrix)
    return (matrix, dead)
  }
}
