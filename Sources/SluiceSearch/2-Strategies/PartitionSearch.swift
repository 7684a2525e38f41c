/// Tunes one partition after the other, the most severe first.
///
/// Source: DPPA (arXiv 2403.02799), section 3.4: a partition's factor starts at 1, and what was found
/// for the partitions inside stays. How a single factor is found is the `line`'s part.
package struct PartitionSearch: SearchStrategy {
  /// The number of partitions.
  package let partitionCount: Int
  /// Whether outer partitions are there from the beginning.
  package let outer: OuterPartitions
  /// How the factor of one partition is found.
  package let line: LineSearch

  /// Describes a search.
  ///
  /// - Parameters:
  ///   - partitionCount: The number of partitions, at least 1.
  ///   - outer: Whether outer partitions are there from the beginning.
  ///   - line: How the factor of one partition is found.
  package init(partitionCount: Int, outer: OuterPartitions, line: LineSearch) {
    self.partitionCount = partitionCount
    self.outer = outer
    self.line = line
  }

  /// Goes through the partitions.
  package func walk(_ scores: inout ScoreLookup) throws(UnknownScore) -> Factors {
    var factors = outer.start(partitionCount: partitionCount)
    for partition in 0..<partitionCount {
      let best = try line.best { position throws(UnknownScore) in
        try scores.score(factors.replacing(partition, by: line.grid.factor(position)))
      }
      factors = factors.replacing(partition, by: line.grid.factor(best))
    }
    return factors
  }
}

/// Finds the best position on a grid.
package struct LineSearch: Sendable, Hashable {
  /// How.
  package enum Kind: Sendable, Hashable {
    /// Step by step from 1 while the score improves, as the paper does.
    case steps(patience: Int)
    /// By comparing inner points, which leaves a fixed share of the grid each time.
    case sections
  }

  /// Gives the score of a position.
  package typealias Score = (Int) throws(UnknownScore) -> Double

  /// The factors.
  package let grid: FactorGrid
  /// How.
  package let kind: Kind

  /// Describes a search along a grid.
  package init(grid: FactorGrid, kind: Kind) {
    self.grid = grid
    self.kind = kind
  }

  /// Finds the best position.
  package func best(_ score: Score) throws(UnknownScore) -> Int {
    switch kind {
    case .steps(let patience): try stepwise(patience, score)
    case .sections: try sectioned(score)
    }
  }

  /// From 1, a step at a time, until so many in a row did not improve.
  private func stepwise(_ patience: Int, _ score: Score) throws(UnknownScore) -> Int {
    var best = (position: 0, score: try score(0))
    for position in 1..<grid.count where position - best.position <= patience {
      let next = try score(position)
      if next > best.score { best = (position, next) }
    }
    return best.position
  }

  /// Fibonacci search: on a grid of n points with one peak it asks for no more scores than any other
  /// search must in the worst case, the smallest N with F(N+1) > n, where F is 1, 2, 3, 5, 8, ...
  ///
  /// Points after the end of the grid are worse than all others and cost nothing. Where noise or a
  /// plateau breaks the shape, the best of what was asked for is given.
  private func sectioned(_ score: Score) throws(UnknownScore) -> Int {
    var best: (position: Int, score: Double)?
    func value(_ point: Int) throws(UnknownScore) -> Double {
      guard point <= grid.count else { return -.infinity }
      let value = try score(point - 1)
      let isBetter = best.map { value > $0.score || (value == $0.score && point <= $0.position) }
      if isBetter ?? true { best = (point - 1, value) }
      return value
    }
    // Points are 1 ... count; the open interval (low, low + width) holds what is left.
    var (before, width) = (1, 2)
    while width - 1 < grid.count { (before, width) = (width, before + width) }
    var low = 0
    while width > 2 {
      let (left, right) = (low + width - before, low + before)
      // Where both are equally good, the side nearer to 1 amplifies less.
      if try value(left) < value(right) { low = left }
      (before, width) = (width - before, before)
    }
    _ = try value(low + 1)
    return best?.position ?? 0
  }
}
