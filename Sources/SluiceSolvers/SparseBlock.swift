/// One block of columns of SparseGPT: what earlier columns left to take off, which weights go, and
/// what their going does to the others.
final class SparseBlock {
  private let rate: Double
  private let tile: Int
  private let panelRows: Int
  private let values: DenseMatrix
  private let errors: DenseMatrix
  private let scores: DenseMatrix
  private let panel: DenseMatrix
  private let upper: DenseMatrix

  init(rowCount: Int, rate: Double, tile: Int, panelRows: Int) {
    self.rate = rate
    self.tile = tile
    self.panelRows = panelRows
    let width = SparseSolver.blockColumns
    values = DenseMatrix(capacity: rowCount * width)
    errors = DenseMatrix(capacity: rowCount * width)
    scores = DenseMatrix(capacity: rowCount * width)
    panel = DenseMatrix(capacity: panelRows * tile)
    upper = DenseMatrix(capacity: max(tile, width) * width)
  }

  /// Prunes the columns: reads and writes them in `weights`, and writes their errors.
  func prune(
    _ columns: Range<Int>, weights: DiskMatrix, errors all: DiskMatrix, factor: DiskMatrix
  ) throws(SolverError) {
    let rows = 0..<weights.rowCount
    try values.read(weights, rows, columns)
    for earlier in Cholesky.ranges(columns.lowerBound, tile) {
      try readUpper(factor, earlier, columns)
      for part in Cholesky.ranges(rows.count, panelRows) {
        try panel.read(all, part, earlier)
        unsafe Dense.subtract(
          panel.pointer, panel.columnCount, upper, isTransposed: false,
          from: values.pointer + part.lowerBound * columns.count, columns.count,
          rows: part.count, columns: columns.count, inner: earlier.count)
      }
    }
    try readUpper(factor, columns, columns)
    let threshold = findThreshold()
    errors.reshape(values.rowCount, values.columnCount)
    for row in 0..<values.rowCount { sweep(row, threshold) }
    try values.write(weights, rows, columns)
    try errors.write(all, rows, columns)
  }

  /// A part of U: that of the inverse of L, with rows and columns turned around.
  private func readUpper(
    _ factor: DiskMatrix, _ rows: Range<Int>, _ columns: Range<Int>
  ) throws(SolverError) {
    let count = factor.rowCount
    try upper.read(
      factor, (count - rows.upperBound)..<(count - rows.lowerBound),
      (count - columns.upperBound)..<(count - columns.lowerBound))
    upper.reverse()
  }

  /// The largest score that is removed.
  private func findThreshold() -> Double {
    let width = values.columnCount
    scores.reshape(values.rowCount, width)
    // SAFETY: scores and values have the same shape, and the factor a diagonal of that width.
    for index in 0..<values.count {
      let column = index % width
      let weight = unsafe values.pointer[index]
      let diagonal = unsafe upper.pointer[column * width + column]
      unsafe scores.pointer[index] = weight * weight / (diagonal * diagonal)
    }
    guard values.count > 0 else { return 0 }
    let position = min(Int((rate * Double(values.count)).rounded(.down)), values.count - 1)
    // The scores are needed once more in their places, so a copy is reordered.
    unsafe errors.pointer.update(from: scores.pointer, count: values.count)
    return unsafe Selection.value(
      at: position, of: UnsafeMutableBufferPointer(start: errors.pointer, count: values.count))
  }

  private func sweep(_ row: Int, _ threshold: Double) {
    let width = values.columnCount
    // SAFETY: all pointers are to the row's `width` elements, or to the factor's rows of as many.
    let weights = unsafe values.pointer + row * width
    let error = unsafe errors.pointer + row * width
    let score = unsafe scores.pointer + row * width
    for column in 0..<width {
      let factors = unsafe upper.pointer + column * width
      let isRemoved = unsafe score[column] <= threshold
      let kept = unsafe isRemoved ? 0 : weights[column]
      let difference = unsafe (weights[column] - kept) / factors[column]
      if difference != 0 {
        for later in (column + 1)..<max(width, column + 1) {
          unsafe weights[later] -= difference * factors[later]
        }
      }
      unsafe weights[column] = kept
      unsafe error[column] = difference
    }
  }
}
