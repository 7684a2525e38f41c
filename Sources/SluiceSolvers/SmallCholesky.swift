/// Cholesky factors of small symmetric matrices in memory, one after the other number by number, so that the
/// bits depend on the numbers alone.
package enum SmallCholesky {
  /// Replaces the lower half of a matrix by its factor L: matrix = L * transpose(L).
  ///
  /// - Parameters:
  ///   - matrix: The matrix, row after row; only its lower half is looked at.
  ///   - width: The number of its rows.
  /// - Returns: Whether it is positive definite; if not, what the matrix holds is not said.
  package static func factorise(_ matrix: UnsafeMutablePointer<Double>, width: Int) -> Bool {
    // SAFETY: the caller guarantees `width * width` numbers.
    for row in 0..<width {
      let own = unsafe matrix + row * width
      for column in 0...row {
        let other = unsafe matrix + column * width
        var sum = unsafe own[column]
        for inner in 0..<column { unsafe sum -= own[inner] * other[inner] }
        if row == column {
          guard sum > 0, sum.isFinite else { return false }
          unsafe own[column] = sum.squareRoot()
        } else {
          unsafe own[column] = sum / other[column]
        }
      }
    }
    return true
  }

  /// Solves L * transpose(L) * x = y, in place.
  ///
  /// - Parameters:
  ///   - factor: The factor.
  ///   - width: The number of its rows.
  ///   - vector: y; receives x.
  package static func solve(
    _ factor: UnsafePointer<Double>, width: Int, _ vector: UnsafeMutablePointer<Double>
  ) {
    // SAFETY: as above, and `width` numbers in the vector.
    for row in 0..<width {
      var sum = unsafe vector[row]
      for inner in 0..<row { unsafe sum -= factor[row * width + inner] * vector[inner] }
      unsafe vector[row] = sum / factor[row * width + row]
    }
    for row in (0..<width).reversed() {
      var sum = unsafe vector[row]
      for inner in row + 1..<width {
        unsafe sum -= factor[inner * width + row] * vector[inner]
      }
      unsafe vector[row] = sum / factor[row * width + row]
    }
  }
}
