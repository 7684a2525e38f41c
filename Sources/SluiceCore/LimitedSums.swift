/// Sums of numbers that were read from a file: at the largest they stop instead of trapping.
extension Int {
  /// The sum, or the largest number if that is less.
  package func addingUpToLimit(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? .max : sum
  }

  /// The product, or the largest number if that is less.
  package func multipliedUpToLimit(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? .max : product
  }
}
