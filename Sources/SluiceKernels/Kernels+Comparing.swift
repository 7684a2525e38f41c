internal import CSluiceKernels

/// How two runs of numbers are alike; of a run and itself, how large it is.
package struct Comparison: Sendable, Hashable {
  /// The sum of the products.
  package var dot: Double
  /// How many elements are zero in neither.
  package var both: Int
  /// How many of those have one sign.
  package var same: Int

  /// States a comparison; of nothing by default.
  package init(dot: Double = 0, both: Int = 0, same: Int = 0) {
    self.dot = dot
    self.both = both
    self.same = same
  }

  /// Adds that of further elements.
  package static func += (sum: inout Comparison, other: Comparison) {
    sum.dot += other.dot
    sum.both += other.both
    sum.same += other.same
  }
}

extension Kernels {
  /// Compares two runs of numbers.
  ///
  /// Products are those of Doubles, and thus exact; element i is added to sum i modulo 16, and the sums
  /// from the first to the last.
  ///
  /// - Parameters:
  ///   - first: Finite numbers.
  ///   - second: Others, or the same.
  ///   - count: How many of each.
  /// - Returns: What is alike.
  package func compare(
    _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>, count: Int
  ) -> Comparison {
    var result = sluice_comparison()
    // Safety: the caller guarantees `count` numbers of each.
    unsafe functions.pointee.compare(first, second, count, &result)
    return Comparison(dot: result.dot, both: Int(result.both), same: Int(result.same))
  }
}
