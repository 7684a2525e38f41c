/// The values that a search may give to one number: from a first one in equal steps.
package struct SearchAxis: Sendable, Hashable {
  /// The first value.
  package let first: Double
  /// The distance between neighbours; below 0 they fall.
  package let step: Double
  /// How many values there are.
  package let count: Int
  /// How many steps count as the width of a landscape: a whole for factors, the range of a marked number.
  let width: Double

  /// The factors of a partition.
  package init(_ grid: FactorGrid) {
    (first, step, count) = (1, grid.isDescending ? -grid.step : grid.step, grid.count)
    width = 1 / grid.step
  }

  /// The values of a number of a recipe.
  ///
  /// - Parameters:
  ///   - first: The first value.
  ///   - step: The distance between neighbours.
  ///   - count: How many values there are, 2 or more.
  package init(first: Double, step: Double, count: Int) {
    (self.first, self.step, self.count) = (first, step, count)
    width = Double(count - 1)
  }

  /// The value at a position.
  package func value(_ position: Int) -> Double {
    Factors.rounded(first + Double(position) * step)
  }

  /// How many steps a share of the width is, one at least.
  func steps(_ share: Double) -> Int { max(Int((share * width).rounded()), 1) }
  /// The length that counts as near, in steps.
  var reach: Double { max(0.4 * width, 2) }
}
