/// The factors that a search may give to a partition: 1, and from there in equal steps to a bound.
///
/// Source: DPPA (arXiv 2403.02799), section 3.4: gamma -> step; the paper walks upwards, and
/// downwards for DARE, whose deltas are rescaled already.
package struct FactorGrid: Sendable, Hashable {
  /// The distance between neighbours (the paper's gamma).
  package let step: Double
  /// The last factor that may be tried; below 1 the search goes downwards.
  package let bound: Double
  /// The number of factors.
  package let count: Int

  /// The bound of a search upwards that ends by itself: far beyond the paper's largest factor, 1.7.
  package static let farBound = 5.0
  /// The bound of a search upwards that goes through the whole grid.
  package static let upperBound = 2.0
  /// The bound of a search downwards.
  package static let lowerBound = 0.1
  /// The paper's step.
  package static let standardStep = 0.1

  /// Describes a grid; nil if it has no second factor.
  ///
  /// - Parameters:
  ///   - step: The distance between neighbours, at least 0.00001.
  ///   - bound: The last factor that may be tried: above 1, or from 0 to below 1.
  package init?(step: Double = standardStep, bound: Double = upperBound) {
    guard step >= 1e-5, step <= 100, bound >= 0, bound <= 1000 else { return nil }
    let steps = (abs(bound - 1) / step + 1e-9).rounded(.down)
    guard steps >= 1, steps < 10000 else { return nil }
    self.step = step
    self.bound = bound
    count = Int(steps) + 1
  }

  /// Whether factors fall with their position.
  package var isDescending: Bool { bound < 1 }

  /// The factor at a position.
  ///
  /// - Parameter position: The position, in 0 ..< count.
  /// - Returns: The factor; 1 at position 0.
  package func factor(_ position: Int) -> Double {
    Factors.rounded(1 + Double(isDescending ? -position : position) * step)
  }
}
