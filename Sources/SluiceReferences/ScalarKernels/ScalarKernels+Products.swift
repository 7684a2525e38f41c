extension ScalarKernels {
  /// The product of two factors, row by row.
  ///
  /// Formula: scale * (0 + l[i, 0] * r[0, j] + l[i, 1] * r[1, j] + ...), in this order.
  ///
  /// - Parameters:
  ///   - left: The left factor, row by row.
  ///   - right: The right factor, row by row.
  ///   - rank: The columns of the left one, the rows of the right one.
  ///   - scale: What the sums are multiplied by.
  ///   - isFused: Whether a product and its sum are rounded once, together.
  /// - Returns: The elements, row by row.
  package static func product(
    _ left: [Float], _ right: [Float], rank: Int, scale: Float, isFused: Bool = false
  ) -> [Float] {
    guard rank > 0 else { return [] }
    let columns = right.count / rank
    return (0..<left.count / rank).flatMap { row in
      (0..<columns).map { column in
        var sum: Float = 0
        for k in 0..<rank {
          let (a, b) = (left[row * rank + k], right[k * columns + column])
          sum = isFused ? sum.addingProduct(a, b) : sum + a * b
        }
        return scale * sum
      }
    }
  }
}
