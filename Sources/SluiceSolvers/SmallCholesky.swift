package import SluiceKernels

/// Cholesky factors of small symmetric matrices in memory, one after the other number by number, so that the
/// bits depend on the numbers alone.
package enum SmallCholesky {
  /// What is left of a diagonal, as a share of it, below which a row depends on those before it.
  package static let leastShare = 1e-14

  /// Replaces the lower half of a matrix by its factor L: matrix = L * transpose(L).
  ///
  /// A row of which nothing is left is left out: its pivot becomes infinite, so that solutions have zeros there.
  ///
  /// - Parameters:
  ///   - matrix: The matrix, row after row; only its lower half is looked at.
  ///   - width: The number of its rows.
  ///   - kernels: The kernels to compute with.
  package static func factorise(
    _ matrix: UnsafeMutablePointer<Double>, width: Int, kernels: Kernels
  ) {
    // SAFETY: the caller guarantees `width * width` numbers.
    unsafe kernels.factorise(matrix, width: width, leastShare: leastShare)
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
    // The last unknown first; each is taken from all that come after it, whose factors lie side by side.
    for row in (0..<width).reversed() {
      let own = unsafe factor + row * width
      let value = unsafe vector[row] / own[row]
      unsafe vector[row] = value
      for inner in 0..<row { unsafe vector[inner] -= own[inner] * value }
    }
  }
}
