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

  /// Counts numbers by powers of two.
  ///
  /// The class of x is floor(log2 |x|) - `firstExponent`, but at least 0 and at most the last. Zero, and
  /// what is below 2^-126, has none.
  ///
  /// - Parameters:
  ///   - values: Finite numbers.
  ///   - count: How many.
  ///   - firstExponent: The power of two of the first class, above -127.
  ///   - classCount: How many classes there are, at most 254.
  ///   - counts: The number of each class, added to.
  package func countSizes(
    _ values: UnsafePointer<Float>, count: Int, firstExponent: Int, classCount: Int,
    into counts: UnsafeMutablePointer<UInt32>
  ) {
    precondition(firstExponent > -127 && (1...254).contains(classCount))
    // Safety: the caller guarantees `count` numbers and a counter for each class.
    unsafe functions.pointee.count_sizes(
      values, count, UInt32(firstExponent + 127), UInt32(classCount), counts)
  }
}
