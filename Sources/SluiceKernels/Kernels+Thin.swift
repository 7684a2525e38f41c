internal import CSluiceKernels

/// Products with thin matrices in Double, which have a row of `width` numbers for each element of a run.
///
/// Every sum has an order of its own: over elements from the first on, each column by itself; over columns
/// in eight interleaved sums, element i in sum i modulo 8, added up as
/// ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).
extension Kernels {
  /// The sum of products of two runs.
  package func dot(
    _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, count: Int
  ) -> Double {
    // Safety: the caller guarantees `count` numbers.
    unsafe functions.pointee.thin_dot(a, b, count)
  }

  /// Adds a multiple of a run to another: y += factor * x.
  package func add(
    _ factor: Double, times x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>,
    count: Int
  ) {
    // Safety: as above.
    unsafe functions.pointee.thin_add(factor, x, y, count)
  }

  /// Adds, for each of some rows, the elements' sum of rows of a matrix: sums += values * matrix.
  ///
  /// - Parameters:
  ///   - values: The first row; the others follow it.
  ///   - rowCount: How many rows.
  ///   - count: The number of elements in a row.
  ///   - matrix: A row of `width` numbers for each element.
  ///   - width: The number of columns.
  ///   - sums: `width` sums for each row.
  package func project(
    _ values: UnsafePointer<Float>, rowCount: Int = 1, count: Int,
    on matrix: UnsafePointer<Double>, width: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    // Safety: the caller guarantees `count` elements in each row, and as many numbers as are said.
    unsafe functions.pointee.thin_project(values, count, rowCount, matrix, count, width, sums)
  }

  /// Adds each element's multiple of its row's weights to its row of a matrix, for some rows one after the other.
  ///
  /// - Parameters:
  ///   - values: The first row; the others follow it.
  ///   - rowCount: How many rows.
  ///   - count: The number of elements in a row.
  ///   - weights: `width` weights for each row.
  ///   - width: The number of columns.
  ///   - matrix: A row of `width` numbers for each element.
  package func spread(
    _ values: UnsafePointer<Float>, rowCount: Int = 1, count: Int,
    weights: UnsafePointer<Double>, width: Int, to matrix: UnsafeMutablePointer<Double>
  ) {
    // Safety: as above.
    unsafe functions.pointee.thin_spread(values, count, rowCount, weights, count, width, matrix)
  }

  /// Adds the products of rows with themselves, of those elements that are not zero, to the lower half of a
  /// square; what is above is not said.
  package func addGram(
    of matrix: UnsafePointer<Double>, width: Int, where values: UnsafePointer<Float>, count: Int,
    to square: UnsafeMutablePointer<Double>
  ) {
    // Safety: as above; the square has `width` rows of `width` numbers.
    unsafe functions.pointee.thin_gram(values, matrix, count, width, square)
  }

  /// The sum of an element of each run times the run's share, and of its row times the weights, rounded to
  /// Float32 once.
  ///
  /// - Parameters:
  ///   - runs: The runs.
  ///   - shares: A share for each run.
  ///   - modelCount: The number of runs.
  ///   - first: The first element of the runs.
  ///   - count: How many elements.
  ///   - matrix: A row of `width` numbers for each element; nil where there are none.
  ///   - weights: What rows are multiplied by.
  ///   - width: The number of columns, 0 where there are none.
  ///   - out: Receives the sums.
  package func blend(
    _ runs: UnsafePointer<UnsafePointer<Float>>, shares: UnsafePointer<Double>, modelCount: Int,
    from first: Int, count: Int, along matrix: UnsafePointer<Double>?,
    weights: UnsafePointer<Double>?, width: Int, into out: UnsafeMutablePointer<Float>
  ) {
    // Safety: as above.
    unsafe functions.pointee.thin_blend(
      runs, shares, modelCount, first, matrix, weights, count, width, out)
  }

  /// Adds to each element that is not zero its row times the weights, rounded to Float32 once.
  package func correct(
    _ values: UnsafeMutablePointer<Float>, count: Int, by matrix: UnsafePointer<Double>,
    weights: UnsafePointer<Double>, width: Int
  ) {
    // Safety: as above.
    unsafe functions.pointee.thin_correct(values, matrix, weights, count, width)
  }
}
