/// A way to the best factors of a model's partitions.
package protocol SearchStrategy: Sendable {
  /// Goes the whole way, or as far as scores are known.
  func walk(_ scores: inout ScoreLookup) throws(UnknownScore) -> Factors

  /// What the score of factors may turn out to be, for trying more than one candidate at once.
  ///
  /// - Parameter known: The scores that are known.
  /// - Returns: Scores, the likeliest first; each stands for one way to go on.
  func assumptions(_ known: [Factors: Double]) -> [Double]
}

extension SearchStrategy {
  /// Better or worse than everything: a strategy that compares has these two ways to go on.
  package func assumptions(_ known: [Factors: Double]) -> [Double] {
    [(known.values.max() ?? 0) + 1, (known.values.min() ?? 0) - 1]
  }
}

/// In which partitions a model is whole while an inner one is tuned.
package enum OuterPartitions: Sendable, Hashable {
  /// Left out: the paper's method 1.
  case absent
  /// There with factor 1: the paper's method 2.
  case present

  /// The factors that a search begins with.
  package func start(partitionCount: Int) -> Factors {
    let others: Double = self == .absent ? 0 : 1
    return Factors([1] + Array(repeating: others, count: max(partitionCount - 1, 0)))
  }
}
