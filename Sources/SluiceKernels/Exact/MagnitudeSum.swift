/// The exact sum of |x| over any number of elements, added up block by block in memory that does not
/// grow.
package final class MagnitudeSum {
  /// The bytes that one holds.
  package static let byteCount = 3 * (1 << 16) * 8

  private let table = BinTable()

  /// Makes an empty sum.
  package init() {}

  /// Adds a block.
  ///
  /// - Parameters:
  ///   - values: The numbers, finite.
  ///   - count: How many.
  ///   - kernels: The kernels to count with.
  package func add(_ values: UnsafePointer<Float>, count: Int, kernels: Kernels) {
    unsafe table.add(values, count: count, kernels: kernels)
  }

  /// Gives the sum and starts anew.
  ///
  /// - Returns: The exact sum.
  package func finish() -> ExactSum { table.finish().exactSum }
}
