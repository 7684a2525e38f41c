internal import SluiceKernels

/// The Gram matrices that the models' deltas of one layer have of their own, whole, on disk.
///
/// Formula, with D_t the deltas of model t, rows for outputs, n inputs and eps: G_t = transpose(D_t) D_t / g_t + eps I,
/// g_t being the mean of the diagonal of transpose(D_t) D_t. RegMean with these matrices is what `OwnBlend` computes along
/// a few directions.
/// Accuracy: Double; sums over rows as the library has them, panel after panel.
@safe package final class OwnGrams {
  private let share: Double
  private let columnCount: Int
  private let matrices: [DiskMatrix]
  private var means: [Double]

  /// Makes room for matrices on disk.
  ///
  /// - Parameters:
  ///   - modelCount: The number of models.
  ///   - columnCount: The number of inputs.
  ///   - share: eps.
  ///   - scratch: Where the matrices are made.
  /// - Throws: `SolverError` if there is no room.
  package init(modelCount: Int, columnCount: Int, share: Double, scratch: ScratchSpace) throws {
    self.share = share
    self.columnCount = columnCount
    means = Array(repeating: 0, count: modelCount)
    matrices = try (0..<modelCount).map {
      try DiskMatrix(in: scratch, "own-\($0)", rowCount: columnCount, columnCount: columnCount)
    }
  }

  /// Whether a model changes the layer; known once its deltas were added up.
  package func isPresent(_ model: Int) -> Bool { means[model] > 0 }

  /// How many rows of a matrix are made at once, and so how often the deltas are read: about 16 MiB.
  package static func bandRows(_ columnCount: Int) -> Int {
    max(1, min(columnCount, (1 << 21) / max(columnCount, 1)))
  }

  /// How often the deltas are read to make a matrix.
  package static func bandCount(_ columnCount: Int) -> Int {
    (columnCount + bandRows(columnCount) - 1) / bandRows(columnCount)
  }

  /// The bytes that adding up holds in memory: a band, as it is and turned, and rows of deltas.
  package static func byteCount(columnCount: Int, panelRows: Int) -> Int {
    8 * columnCount * (2 * bandRows(columnCount) + panelRows)
  }

  /// Makes the matrix of a model.
  ///
  /// - Parameters:
  ///   - model: The model.
  ///   - rowCount: The number of outputs.
  ///   - panelRows: How many rows of deltas are read at once.
  ///   - bandRows: How many rows of the matrix are made at once.
  ///   - readDeltas: Reads rows of the model's deltas.
  /// - Throws: What reading throws, `SolverError` if the disk fails.
  package func add(
    _ model: Int, rowCount: Int, panelRows: Int, bandRows: Int,
    readDeltas: (_ rows: Range<Int>, UnsafeMutablePointer<Double>) throws -> Void
  ) throws {
    let panel = DenseMatrix(capacity: panelRows * columnCount)
    let (band, turned) = (
      DenseMatrix(capacity: bandRows * columnCount), DenseMatrix(capacity: bandRows * columnCount)
    )
    var trace = 0.0
    for rows in Cholesky.ranges(columnCount, bandRows) {
      let columns = rows.lowerBound..<columnCount
      band.reshape(rows.count, columns.count)
      unsafe band.pointer.update(repeating: 0, count: band.count)
      for outputs in Cholesky.ranges(rowCount, panelRows) {
        panel.reshape(outputs.count, columnCount)
        try unsafe readDeltas(outputs, panel.pointer)
        Dense.addGram(of: panel, from: rows.lowerBound, to: band)
      }
      for row in 0..<rows.count { unsafe trace += band.pointer[row * columns.count + row] }
      try band.write(matrices[model], rows, columns)
      try mirror(band, turned, rows, in: matrices[model])
    }
    means[model] = trace / Double(max(columnCount, 1))
  }

  /// Writes what is right of the diagonal below it as well.
  private func mirror(
    _ band: DenseMatrix, _ turned: DenseMatrix, _ rows: Range<Int>, in matrix: DiskMatrix
  ) throws {
    let below = rows.upperBound..<columnCount
    turned.reshape(below.count, rows.count)
    for row in 0..<below.count {
      for column in 0..<rows.count {
        // SAFETY: both matrices have the shapes that they were given.
        unsafe turned.pointer[row * rows.count + column] =
          band.pointer[column * band.columnCount + rows.count + row]
      }
    }
    try turned.write(matrix, below, rows)
  }

  /// Reads rows of G_t; zeros of a model that does not change the layer.
  package func read(
    _ model: Int, _ rows: Range<Int>, into target: UnsafeMutablePointer<Double>
  ) throws {
    let count = rows.count * columnCount
    guard isPresent(model) else {
      // SAFETY: the caller has room for the rows.
      return unsafe target.update(repeating: 0, count: count)
    }
    try unsafe matrices[model].read(rows, 0..<columnCount, into: target)
    for index in 0..<count { unsafe target[index] /= means[model] }
    for row in rows { unsafe target[(row - rows.lowerBound) * columnCount + row] += share }
  }
}
