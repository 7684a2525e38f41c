/// What the deltas of each ring are multiplied by: those that a partition keeps and no more severe one does.
package struct RingFactors: Sendable {
  private let byCount: [@Sendable (Int) -> [Float]]

  /// Factors for tensors that differ in their number of partitions.
  ///
  /// - Parameter byCount: For each model, what gives the factor of each ring, most severe first, for a number of
  ///   partitions.
  package init(byCount: [@Sendable (Int) -> [Float]]) { self.byCount = byCount }

  /// Factors for tensors that all have the same partitions.
  ///
  /// - Parameter factors: For each model, the factor of each ring, most severe first.
  package init(_ factors: [[Float]]) {
    self.init(byCount: factors.map { factors in { _ in factors } })
  }

  /// The factor of each ring, most severe first.
  func factors(model: Int, partitionCount: Int) -> [Float] {
    let factors = byCount[model](partitionCount)
    precondition(factors.count == partitionCount, "a factor for each partition")
    return factors
  }
}
