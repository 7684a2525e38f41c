/// How the amplification factors of nested partitions act on an element that lies in several.
package enum PartitionCombination: String, Sendable, Hashable, CaseIterable {
  /// An element takes the factor of the most severe partition that keeps it: the paper's rings.
  case ring
  /// An element takes the largest of the factors of all partitions that keep it: the authors' code.
  case max

  /// The factor of each ring.
  ///
  /// - Parameter factors: The factor of each partition, most severe first.
  /// - Returns: The factor of the elements that the partition keeps and no more severe one does.
  package func ringFactors(_ factors: [Float]) -> [Float] {
    switch self {
    case .ring: factors
    case .max:
      // Elements of ring j are kept by partitions j, j + 1, ...: a running maximum from the end.
      factors.indices.map { j in
        factors[j...].reduce(factors[j]) { $1.magnitude > $0.magnitude ? $1 : $0 }
      }
    }
  }
}
