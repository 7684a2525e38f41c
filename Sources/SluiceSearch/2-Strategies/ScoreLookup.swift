/// What a strategy sees of a landscape: the scores of factors that were evaluated.
///
/// A strategy asks for one score after the other as if all were known. Where one is not, that is what
/// must be evaluated next; and once it is, the strategy runs again from its beginning, which costs
/// nothing beside an evaluation. So a strategy has no state that could be lost or confused, and a
/// search that was killed goes on by being told what was evaluated before.
package struct ScoreLookup {
  private let known: [Factors: Double]
  private var assumed: [Factors: Double]
  /// What was asked for, each once, in order.
  package private(set) var path: [Factors] = []

  /// Looks scores up.
  package init(_ known: [Factors: Double], assuming assumed: [Factors: Double] = [:]) {
    self.known = known
    self.assumed = assumed
  }

  /// The score of factors.
  package mutating func score(_ factors: Factors) throws(UnknownScore) -> Double {
    guard let score = known[factors] ?? assumed[factors] else {
      throw UnknownScore(all: [factors])
    }
    if !path.contains(factors) { path.append(factors) }
    return score
  }
}

extension ScoreLookup {
  /// Asks for several scores at once: those that are not known can be evaluated together.
  package func need(_ all: [Factors]) throws(UnknownScore) {
    let unknown = all.filter { known[$0] == nil && assumed[$0] == nil }
    guard unknown.isEmpty else { throw UnknownScore(all: unknown) }
  }
}

/// Factors that must be evaluated before a strategy can go on.
package struct UnknownScore: Error, Hashable {
  /// The factors, each once.
  package let all: [Factors]
}
