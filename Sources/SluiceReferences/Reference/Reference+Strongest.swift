/// What makes up for what is removed of blended rows, number by number.
extension Reference {
  /// What of each row of a model's blended deltas is removed, and what makes up for it.
  package struct Removal {
    /// The fraction that is removed.
    package let rate: Double
    /// What norms that are restored are multiplied by.
    package let factor: Double
    /// Along how many directions rows are compensated instead; 0 if they are not.
    package let directionCount: Int
    /// What is added to the diagonal there, as a share of its mean.
    package let ridge: Double

    /// Describes a removal.
    package init(rate: Double, factor: Double = 1, directionCount: Int = 0, ridge: Double = 0) {
      (self.rate, self.factor) = (rate, factor)
      (self.directionCount, self.ridge) = (directionCount, ridge)
    }
  }

  /// The strongest directions of the sum of models' Gram matrices, each as long as it is strong.
  ///
  /// Formula, with C the sum of the cores, each divided by the mean of the diagonal of its model's Gram matrix: X = the
  /// first rows of C; three times X = a basis of X, times C; Z = a basis of X, or all directions if so many are asked
  /// for; L transpose(L) = Z C transpose(Z); the rows of transpose(L) Z transpose(Q).
  ///
  /// - Parameters:
  ///   - cores: The core of each model.
  ///   - energies: The sum of squares of each model's deltas.
  ///   - count: How many are asked for.
  ///   - directions: The directions Q that the models share.
  /// - Returns: The directions.
  package static func strongest(
    _ cores: [[[Double]]], energies: [Double], count: Int, along directions: Rows
  ) -> Rows {
    let count = min(count, directions.count)
    guard count > 0 else { return [] }
    let whole = total(
      grams(cores, energies: energies, columns: directions[0].count, share: 0))
    var weights: [[Double]]
    if count == whole.count {
      weights = transposedFactor(of: whole)
    } else {
      var rows = Array(whole[..<count])
      for _ in 0..<3 { rows = inOrder(orthonormalised(rows), whole) }
      rows = orthonormalised(rows)
      let along = inOrder(rows, whole)
      let square = along.map { row in rows.map { ScalarKernels.dot(row, $0) } }
      weights = inOrder(transposedFactor(of: square), rows)
    }
    return product(weights.map { $0.map { Float($0) } }, directions)
  }

  /// transpose(L), without rows that depend on others.
  private static func transposedFactor(of matrix: [[Double]]) -> [[Double]] {
    let lower = factor(of: matrix)
    return lower.indices.map { row in
      lower.indices.map { column in
        column < row || !lower[row][row].isFinite ? 0 : lower[column][row]
      }
    }
  }

  /// A product of matrices; sums begin with 0.
  private static func inOrder(_ left: [[Double]], _ right: [[Double]]) -> [[Double]] {
    left.map { factors in
      var sums = right[0].map { _ in 0.0 }
      for (factor, row) in zip(factors, right) { sums = zip(sums, row).map { $0 + factor * $1 } }
      return sums
    }
  }
}
