/// What deltas say of their own inputs, number by number in Double.
extension Reference {
  /// A layer's deltas: rows are outputs.
  package typealias Rows = [[Float]]

  /// Directions of the inputs of a layer that its deltas put out most along: two steps of a randomised
  /// range finder.
  ///
  /// Formula: Y0 = transpose(D) * Omega, Q an orthonormal basis of its columns, Y = transpose(D) * (D * Q).
  /// Omega has signs: + where the draw of `dare`, for the first model and the position row * r + column,
  /// reaches 2^23. Sums run over the rows of a block in order, then over blocks.
  /// Source: Halko, Martinsson, Tropp (arXiv 0909.4061).
  ///
  /// - Parameters:
  ///   - deltas: The deltas.
  ///   - rank: How many directions are asked for; there are no more than inputs or outputs.
  ///   - seed: What signs are drawn from.
  ///   - tensor: The layer's name.
  ///   - blockElements: About how many elements a block has.
  /// - Returns: Y: for each input as many numbers as there are directions.
  package static func directions(
    of deltas: Rows, rank: Int, seed: UInt64, tensor: String, blockElements: Int = 1 << 24
  ) -> [[Double]] {
    let columns = deltas.first?.count ?? 0
    let rank = min(rank, columns, deltas.count)
    let start = blockSums(deltas, rank, blockElements) { row, _ in
      (0..<rank).map { column in
        let draw = dareDraw(seed: seed, model: 0, tensor: tensor, index: row * rank + column)
        return draw >= 1 << 23 ? 1 : -1
      }
    }
    let basis = orthonormalised(start)
    return blockSums(deltas, rank, blockElements) { _, deltas in
      ScalarKernels.projected(deltas, basis)
    }
  }

  private static func blockSums(
    _ deltas: Rows, _ rank: Int, _ blockElements: Int, _ weights: (Int, [Float]) -> [Double]
  ) -> [[Double]] {
    let columns = deltas.first?.count ?? 0
    let zeros = [[Double]](repeating: [Double](repeating: 0, count: rank), count: columns)
    var total: [[Double]]?
    let step = max(1, blockElements / max(columns, 1))
    for first in stride(from: 0, to: deltas.count, by: step) {
      var sums = zeros
      for row in first..<min(first + step, deltas.count) {
        sums = ScalarKernels.spread(deltas[row], weights(row, deltas[row]), to: sums)
      }
      total = total.map { total in zip(total, sums).map { zip($0, $1).map(+) } } ?? sums
    }
    return total ?? zeros
  }

  /// A basis of the columns of a matrix by Gram and Schmidt, each column twice; zeros for a column of which
  /// less than 1e-10 is left.
  package static func orthonormalised(_ matrix: [[Double]]) -> [[Double]] {
    let width = matrix.first?.count ?? 0
    var columns: [[Double]] = []
    for index in 0..<width {
      var column = matrix.map { $0[index] }
      let norm = ScalarKernels.dot(column, column).squareRoot()
      for _ in 0..<2 {
        for other in columns {
          let share = ScalarKernels.dot(other, column)
          column = zip(column, other).map { $0 - share * $1 }
        }
      }
      let left = ScalarKernels.dot(column, column).squareRoot()
      columns.append(column.map { left > 1e-10 * norm ? $0 / left : 0 })
    }
    return matrix.indices.map { row in columns.map { $0[row] } }
  }

  /// What is kept of a row, changed so that it makes up for what is not.
  ///
  /// Formula: e = (d - k) Y, A = transpose(Y_S) Y_S + ridge * mean(diagonal) I, k_S + Y_S inverse(A) e; a row of
  /// which nothing is kept stays.
  ///
  /// - Parameters:
  ///   - deltas: The row's deltas d.
  ///   - kept: What is kept of them, k; S are those that are not zero.
  ///   - directions: Y.
  ///   - ridge: What is added to the diagonal, as a share of its mean.
  /// - Returns: The row.
  package static func compensated(
    _ deltas: [Float], kept: [Float], along directions: [[Double]], ridge: Double
  ) -> [Float] {
    var square = ScalarKernels.gram(directions, where: kept)
    let width = square.count
    let trace = (0..<width).reduce(0.0) { $0 + square[$1][$1] }
    guard trace > 0 else { return kept }
    for index in 0..<width { square[index][index] += ridge * (trace / Double(width)) }
    let missing = ScalarKernels.projected(zip(deltas, kept).map { $0 - $1 }, directions)
    guard let weights = solution(of: square, missing) else { return kept }
    return ScalarKernels.corrected(kept, directions, weights)
  }

  /// The solution x of A x = y for a matrix that is positive definite; nil if it is not.
  package static func solution(of matrix: [[Double]], _ right: [Double]) -> [Double]? {
    let width = matrix.count
    var lower = matrix
    for row in 0..<width {
      for column in 0...row {
        var sum = matrix[row][column]
        for inner in 0..<column { sum -= lower[row][inner] * lower[column][inner] }
        if row == column {
          guard sum > 0, sum.isFinite else { return nil }
          lower[row][row] = sum.squareRoot()
        } else {
          lower[row][column] = sum / lower[column][column]
        }
      }
    }
    var result = right
    for row in 0..<width {
      for inner in 0..<row { result[row] -= lower[row][inner] * result[inner] }
      result[row] /= lower[row][row]
    }
    for row in (0..<width).reversed() {
      for inner in row + 1..<width { result[row] -= lower[inner][row] * result[inner] }
      result[row] /= lower[row][row]
    }
    return result
  }
}
