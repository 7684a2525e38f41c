package import SluiceKernels

/// The strongest of the directions that models share.
extension OwnBlend {
  /// How often rows are multiplied by the sum of the Gram matrices to find them.
  private static let stepCount = 3

  /// Finds the strongest directions of the sum of the models' Gram matrices, each as long as it is strong.
  ///
  /// Formula, with C = C_1 / g_1 + ... + C_K / g_K: X = the first rows of C, as many as directions are asked for; then
  /// three times X = a basis of X, times C; Z = a basis of X. With Z C transpose(Z) = L transpose(L) the directions
  /// are the rows of transpose(L) Z transpose(Q); if all are asked for, Z is I. Where a row depends on those before it,
  /// there is none. What is compensated along them depends on transpose(Y) Y alone, Y being the directions, and so
  /// not on how Z is turned.
  /// Source: subspace iteration, as in Halko, Martinsson, Tropp (arXiv 0909.4061).
  /// Accuracy: Double, products in the order of their sums.
  ///
  /// - Parameters:
  ///   - parts: What is known of each model's deltas.
  ///   - width: The number of directions that they share.
  ///   - columnCount: The number of inputs.
  ///   - count: How many are asked for, at most `width`.
  ///   - kernels: The kernels to compute with.
  /// - Returns: For each direction its weights of the shared ones, row after row.
  package static func strongest(
    _ parts: [Part], width: Int, columnCount: Int, count: Int, kernels: Kernels
  ) -> [Double] {
    let whole = total(grams(parts, width: width, columnCount: columnCount, share: 0))
    guard count < width else { return transposed(factor(whole, width, kernels), width) }
    var rows = Array(whole[0..<count * width])
    for _ in 0..<stepCount {
      rows = product(basis(rows, width, kernels), whole, width)
    }
    rows = basis(rows, width, kernels)
    let along = product(rows, whole, width)
    var square = [Double](repeating: 0, count: count * count)
    for row in 0..<count {
      for column in 0..<count {
        square[row * count + column] = dot(along, row, rows, column, width, kernels)
      }
    }
    return product(transposed(factor(square, count, kernels), count), rows, width)
  }

  /// The bytes that finding them holds.
  package static func strongestByteCount(modelCount: Int, width: Int, count: Int) -> Int {
    8 * ((modelCount + 2) * width * width + 4 * count * width + 3 * count * count)
  }

  /// L, with zeros above its diagonal, and where a row depends on those before it.
  private static func factor(
    _ matrix: [Double], _ width: Int, _ kernels: Kernels
  ) -> [Double] {
    var lower = matrix
    unsafe lower.withUnsafeMutableBufferPointer {
      guard let lower = $0.baseAddress else { return }
      unsafe SmallCholesky.factorise(lower, width: width, kernels: kernels)
    }
    for row in 0..<width {
      for column in row..<width where column > row || !lower[row * width + row].isFinite {
        lower[row * width + column] = 0
      }
    }
    return lower
  }

  private static func transposed(_ matrix: [Double], _ width: Int) -> [Double] {
    (0..<width * width).map { matrix[$0 % width * width + $0 / width] }
  }

  private static func basis(_ rows: [Double], _ length: Int, _ kernels: Kernels) -> [Double] {
    var found = rows
    let count = rows.count / length
    unsafe found.withUnsafeMutableBufferPointer {
      guard let rows = $0.baseAddress else { return }
      // SAFETY: there are as many rows of that length.
      unsafe ThinBasis.orthonormalise(
        rows, count: count, length: length, kernels: kernels)
    }
    return found
  }

  /// Rows times a matrix with rows of a length.
  private static func product(_ left: [Double], _ right: [Double], _ length: Int) -> [Double] {
    let inner = right.count / length
    var found = [Double](repeating: 0, count: left.count / inner * length)
    for row in 0..<left.count / inner {
      for index in 0..<inner {
        let factor = left[row * inner + index]
        for column in 0..<length {
          found[row * length + column] += factor * right[index * length + column]
        }
      }
    }
    return found
  }

  private static func dot(
    _ left: [Double], _ row: Int, _ right: [Double], _ column: Int, _ length: Int,
    _ kernels: Kernels
  ) -> Double {
    unsafe left.withUnsafeBufferPointer { left in
      unsafe right.withUnsafeBufferPointer { right in
        guard let left = left.baseAddress, let right = right.baseAddress else { return 0 }
        // SAFETY: both have rows of that length.
        return unsafe kernels.dot(left + row * length, right + column * length, count: length)
      }
    }
  }
}
