extension Reference {
  /// What the reference knows of the |delta| of one linear tensor.
  package struct Statistics: Sendable, Equatable {
    /// The number of elements.
    package var elements: Int
    /// How many deltas are exactly zero.
    package var zeros: Int
    /// The mean of |delta| over all elements, zeros included.
    package var mean: Double
    /// The share of the mass of |delta| that lies above `multiple * mean`.
    package var significance: Double

    /// Collects the numbers.
    package init(elements: Int, zeros: Int, mean: Double, significance: Double) {
      self.elements = elements
      self.zeros = zeros
      self.mean = mean
      self.significance = significance
    }
  }

  /// Computes the significance of a tensor's delta.
  ///
  /// Formula: mean = sum|x| / n; significance = sum of |x| where |x| > multiple * mean, / sum|x|.
  /// Source: DPPA (arXiv 2403.02799), eq. 2 and 3 (N -> multiple). Both sums are exact and rounded
  /// once; quotients and the product `multiple * mean` are Doubles.
  /// Edge cases: no elements or all zero give mean 0 and significance 0.
  ///
  /// - Parameters:
  ///   - delta: Finite deltas.
  ///   - multiple: How many means an element must exceed, 5 in the paper.
  ///   - measure: Whether the share is that of the mass or of the elements.
  /// - Returns: Counts, mean and significance.
  package static func statistics(
    of delta: [Float], multiple: Double = 5, measure: ReferenceOptions.Measure = .mass
  ) -> Statistics {
    let magnitudes = delta.map { Double($0.magnitude) }
    let sum = exactSum(magnitudes)
    let zeros = magnitudes.count { $0 == 0 }
    guard sum > 0 else {
      return Statistics(elements: delta.count, zeros: zeros, mean: 0, significance: 0)
    }
    let mean = sum / Double(delta.count)
    let cut = multiple * mean
    if measure == .count {
      let share = Double(magnitudes.count { $0 > cut }) / Double(delta.count)
      return Statistics(elements: delta.count, zeros: zeros, mean: mean, significance: share)
    }
    let mass = exactSum(magnitudes.filter { $0 > cut })
    return Statistics(
      elements: delta.count, zeros: zeros, mean: mean, significance: mass / sum)
  }
}
