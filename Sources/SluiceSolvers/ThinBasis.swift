package import SluiceKernels

/// Orthonormal bases of the columns of thin matrices, whose rows lie one behind the other.
///
/// Modified Gram-Schmidt, each column against those before it twice, in Double; the order of sums is that of
/// `Kernels.dot`, so that the bits depend on the numbers alone. A column that depends on those before it, up
/// to 1e-10 of its norm, becomes zero.
package enum ThinBasis {
  /// What is left of a column, as a share of its norm, below which it depends on others.
  package static let leastShare = 1e-10

  /// Replaces a matrix by a basis of its columns.
  ///
  /// - Parameters:
  ///   - matrix: The matrix.
  ///   - rowCount: The number of its rows.
  ///   - width: The number of its columns.
  ///   - scratch: Room for as many numbers.
  ///   - kernels: The kernels to compute with.
  package static func orthonormalise(
    _ matrix: UnsafeMutablePointer<Double>, rowCount: Int, width: Int,
    scratch: UnsafeMutablePointer<Double>, kernels: Kernels
  ) {
    // SAFETY: the caller guarantees `rowCount * width` numbers in both.
    for row in 0..<rowCount {
      for column in 0..<width {
        unsafe scratch[column * rowCount + row] = matrix[row * width + column]
      }
    }
    for column in 0..<width {
      let own = unsafe scratch + column * rowCount
      let norm = unsafe kernels.dot(own, own, count: rowCount).squareRoot()
      for _ in 0..<2 {
        for other in 0..<column {
          let earlier = unsafe scratch + other * rowCount
          let share = unsafe kernels.dot(earlier, own, count: rowCount)
          unsafe kernels.add(-share, times: earlier, to: own, count: rowCount)
        }
      }
      let left = unsafe kernels.dot(own, own, count: rowCount).squareRoot()
      let isIndependent = left > leastShare * norm
      for row in 0..<rowCount { unsafe own[row] = isIndependent ? own[row] / left : 0 }
    }
    for row in 0..<rowCount {
      for column in 0..<width {
        unsafe matrix[row * width + column] = scratch[column * rowCount + row]
      }
    }
  }
}
