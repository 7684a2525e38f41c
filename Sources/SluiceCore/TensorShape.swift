/// The dimensions of a tensor, outermost first; an empty list is a scalar of one element.
package struct TensorShape: Sendable, Hashable {
  /// The extents, outermost (rows) first.
  package let dimensions: [Int]
  /// The product of the extents.
  package let elementCount: Int

  /// Makes a shape, or nil if an extent is negative or the product does not fit an `Int`.
  package init?(_ dimensions: [Int]) {
    var product = 1
    for extent in dimensions {
      guard extent >= 0 else { return nil }
      let (next, overflow) = product.multipliedReportingOverflow(by: extent)
      guard !overflow else { return nil }
      product = next
    }
    self.dimensions = dimensions
    self.elementCount = product
  }

  /// The number of dimensions.
  package var rank: Int { dimensions.count }

  /// Whether two shapes agree in everything but the number of rows.
  ///
  /// - Parameter other: The shape to compare with.
  /// - Returns: True for equal rank of at least 1 and equal extents after the first.
  package func matchesExceptRows(_ other: TensorShape) -> Bool {
    rank >= 1 && rank == other.rank && dimensions.dropFirst() == other.dimensions.dropFirst()
  }
}

extension TensorShape: CustomStringConvertible {
  /// The extents in brackets, `[4096, 11008]`; the first of them where there are very many.
  package var description: String {
    let shown = dimensions.prefix(64).map { String($0) }.joined(separator: ", ")
    return rank <= 64 ? "[\(shown)]" : "[\(shown), ... \(rank) dimensions]"
  }
}
