/// Square and other matrices as lists of rows, and the textbook's ways to solve them.
package struct Matrix: Sendable {
  /// The rows.
  package var rows: [[Double]]

  /// Wraps rows.
  package init(rows: [[Double]]) { self.rows = rows }

  /// The number of rows.
  package var rowCount: Int { rows.count }
  /// The number of columns.
  package var columnCount: Int { rows.first?.count ?? 0 }

  /// Draws a matrix.
  package static func random(_ rows: Int, _ columns: Int, _ random: inout RepeatableGenerator)
    -> Matrix
  {
    Matrix(rows: (0..<rows).map { _ in (0..<columns).map { _ in random.gaussian() } })
  }

  /// The Gram matrix of random inputs, some of which are never seen.
  package static func gram(
    _ count: Int, dead: Set<Int> = [], _ random: inout RepeatableGenerator
  ) -> Matrix {
    var inputs = Matrix.random(3 * count, count, &random)
    for row in inputs.rows.indices {
      for column in dead { inputs.rows[row][column] = 0 }
      // Inputs depend on each other, as they do in models.
      for column in 1..<max(count, 1) where !dead.contains(column) {
        inputs.rows[row][column] += 0.4 * inputs.rows[row][column - 1]
      }
    }
    return inputs.transposed * inputs
  }

  /// Rows as columns.
  package var transposed: Matrix {
    Matrix(rows: (0..<columnCount).map { column in rows.map { $0[column] } })
  }

  /// The product.
  package static func * (a: Matrix, b: Matrix) -> Matrix {
    let columns = b.transposed.rows
    return Matrix(
      rows: a.rows.map { row in
        columns.map { column in zip(row, column).reduce(0) { $0 + $1.0 * $1.1 } }
      })
  }

  /// By Gauss and Jordan, with the largest pivot.
  package var inverse: Matrix {
    let count = rowCount
    var work = rows.enumerated().map { index, row in
      row + (0..<count).map { $0 == index ? 1 : 0 }
    }
    for column in 0..<count {
      let pivot = (column..<count).max { abs(work[$0][column]) < abs(work[$1][column]) } ?? column
      work.swapAt(column, pivot)
      let divisor = work[column][column]
      work[column] = work[column].map { $0 / divisor }
      for row in 0..<count where row != column {
        let factor = work[row][column]
        work[row] = zip(work[row], work[column]).map { $0 - factor * $1 }
      }
    }
    return Matrix(rows: work.map { Array($0.dropFirst(count)) })
  }

  /// The lower factor L with L * transpose(L) = self.
  package var cholesky: Matrix {
    var lower = Matrix(rows: rows.map { $0.map { _ in 0 } })
    for row in 0..<rowCount {
      for column in 0...row {
        let sum = (0..<column).reduce(rows[row][column]) {
          $0 - lower.rows[row][$1] * lower.rows[column][$1]
        }
        lower.rows[row][column] =
          row == column ? sum.squareRoot() : sum / lower.rows[column][column]
      }
    }
    return lower
  }
}

/// SparseGPT as its authors wrote it: the inverse, its upper factor, and all later columns updated at
/// once after every column.
///
/// - Parameters:
///   - weights: The weights, one row for each output.
///   - gram: The Gram matrix of the inputs.
///   - rate: The share to remove.
///   - dampening: What is added to the diagonal, as a share of its mean.
/// - Returns: The pruned weights.
package func sparseReference(
  _ weights: Matrix, gram: Matrix, rate: Double, dampening: Double
) -> Matrix {
  var (weights, gram) = (weights, gram)
  let count = gram.rowCount
  for column in 0..<count where gram.rows[column][column] == 0 {
    gram.rows[column][column] = 1
    for row in weights.rows.indices { weights.rows[row][column] = 0 }
  }
  let mean = (0..<count).reduce(0) { $0 + gram.rows[$1][$1] } / Double(count)
  for column in 0..<count { gram.rows[column][column] += dampening * mean }
  let upper = gram.inverse.cholesky.transposed
  for start in stride(from: 0, to: count, by: 128) {
    let block = start..<min(start + 128, count)
    let scores = weights.rows.map { row in
      block.map { row[$0] * row[$0] / (upper.rows[$0][$0] * upper.rows[$0][$0]) }
    }
    let sorted = scores.joined().sorted()
    let threshold = sorted[Int(Double(sorted.count) * rate)]
    for row in weights.rows.indices {
      for column in block {
        let weight = weights.rows[row][column]
        let kept = scores[row][column - start] <= threshold ? 0 : weight
        let error = (weight - kept) / upper.rows[column][column]
        for later in column..<count {
          weights.rows[row][later] -= error * upper.rows[column][later]
        }
        weights.rows[row][column] = kept
      }
    }
  }
  return weights
}
