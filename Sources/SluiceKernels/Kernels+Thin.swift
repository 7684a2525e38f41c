internal import CSluiceKernels

/// Products with thin matrices: as many rows as there are directions of a layer's inputs.
///
/// Every sum has an order of its own, whatever the registers are. Matrices in Float32 lie in panels, where
/// `place` puts rows of right factors.
extension Kernels {
  /// The sum of products of two runs in Double: eight interleaved sums, element i in sum i modulo 8, added up as
  /// ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)).
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

  /// The sums of products of some rows with each direction.
  ///
  /// Formula: elements are taken in runs of 512; in a run element i adds to sum i modulo 16 in Float32, and halves
  /// of these are added to each other until one is left; the totals of runs are added up in Double.
  ///
  /// - Parameters:
  ///   - values: The first row; the others follow it.
  ///   - rowCount: How many rows.
  ///   - count: The number of elements in a row.
  ///   - panels: The directions.
  ///   - width: How many there are.
  ///   - directionCount: How many of them are taken, the first ones; all if nil.
  ///   - sums: Receives the sums of each row, `width` after each other.
  package func project(
    _ values: UnsafePointer<Float>, rowCount: Int = 1, count: Int,
    on panels: UnsafePointer<Float>, width: Int, directionCount: Int? = nil,
    to sums: UnsafeMutablePointer<Double>
  ) {
    // Safety: the caller guarantees `count` elements in each row, and as many numbers as are said.
    unsafe functions.pointee.thin_project(
      values, count, rowCount, panels, count, width, directionCount ?? width, sums)
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

  /// Replaces the lower half of a symmetric square by its factor L: square = L * transpose(L); what is above is not said.
  ///
  /// Each element is made number by number: what it loses, it loses in the order of columns.
  ///
  /// - Parameters:
  ///   - square: The square, row after row; only its lower half is looked at.
  ///   - width: The number of its rows.
  ///   - leastShare: What is left of a diagonal, as a share of it, up to which the pivot is infinite.
  package func factorise(
    _ square: UnsafeMutablePointer<Double>, width: Int, leastShare: Double
  ) {
    unsafe withUnsafeTemporaryAllocation(of: Double.self, capacity: width) { diagonal in
      guard let diagonal = diagonal.baseAddress else { return }
      // Safety: the caller guarantees `width` rows of `width` numbers.
      unsafe functions.pointee.thin_factorise(square, width, leastShare, diagonal)
    }
  }

  /// The sum of an element of each run times the run's share in Double, rounded to Float32 once.
  ///
  /// - Parameters:
  ///   - runs: The runs.
  ///   - shares: A share for each run.
  ///   - modelCount: The number of runs.
  ///   - first: The first element of the runs.
  ///   - count: How many elements.
  ///   - out: Receives the sums.
  ///   - continues: Whether what is there is added at the end, before the rounding.
  package func blend(
    _ runs: UnsafePointer<UnsafePointer<Float>>, shares: UnsafePointer<Double>, modelCount: Int,
    from first: Int, count: Int, into out: UnsafeMutablePointer<Float>, continues: Bool
  ) {
    // Safety: as above.
    unsafe functions.pointee.thin_blend(runs, shares, modelCount, first, count, out, continues)
  }

  /// Adds to each element that is not zero another.
  package func correct(
    _ values: UnsafeMutablePointer<Float>, count: Int, by added: UnsafePointer<Float>
  ) {
    // Safety: as above.
    unsafe functions.pointee.thin_correct(values, added, count)
  }
}
