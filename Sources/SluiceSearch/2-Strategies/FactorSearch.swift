/// The search for the factors of one model: asks for candidates, is told their scores, and ends with
/// the best.
///
/// It knows nothing of models and evaluators, so it can be run against any landscape.
package struct FactorSearch: Sendable {
  /// How candidates are chosen.
  package enum Strategy: String, Sendable, Hashable, CaseIterable {
    /// Step by step, as the paper does.
    case paper
    /// Partition by partition, by sections.
    case golden
    /// All partitions together, by fitted surfaces.
    case joint
  }

  /// What becomes of outer partitions while inner ones are tuned.
  package enum Method: String, Sendable, Hashable, CaseIterable {
    /// They are left out.
    case first = "1"
    /// They are there with factor 1.
    case second = "2"
    /// Both ways are tried; the better result counts.
    case best
    /// Left out if pruning to the most and to the least severe rate differs by at most 0.05.
    case rule5
  }

  /// The settings of a search.
  package struct Settings: Sendable, Hashable {
    /// How candidates are chosen.
    package var strategy = Strategy.paper
    /// What becomes of outer partitions.
    package var method = Method.best
    /// The factors that may be tried.
    package var grid: FactorGrid
    /// The values of numbers that are no factors of partitions, for the joint strategy; none if empty.
    package var axes: [SearchAxis] = []
    /// The most candidates of the joint strategy; what is usual if nil.
    package var limit: Int?
    /// How many candidates in a row may fail to improve before a walk ends.
    package var patience = 1

    /// The paper's settings on a grid.
    package init(grid: FactorGrid) { self.grid = grid }
  }

  /// A candidate that is asked for.
  package struct Request: Sendable, Hashable {
    /// The factors.
    package let factors: Factors
    /// Whether the search cannot go on without it; otherwise it may turn out not to be needed.
    package let isNeeded: Bool
  }

  /// A candidate on the way to the result.
  package struct Step: Sendable, Hashable {
    /// What asked for it first: `1`, `2`, `rule5` or `joint`.
    package let method: String
    /// The factors.
    package let factors: Factors
  }

  /// What was found.
  package struct Finding: Sendable, Hashable {
    /// The method whose result it is: `1`, `2` or `joint`.
    package let method: String
    /// The best factors.
    package let factors: Factors
    /// Their score.
    package let score: Double
    /// All candidates that the search asked for, each once.
    package let path: [Step]
  }

  /// The settings.
  package let settings: Settings
  /// The number of partitions.
  package let partitionCount: Int
  /// The scores that were told.
  package private(set) var scores: [Factors: Double] = [:]

  /// Begins a search.
  ///
  /// - Parameters:
  ///   - settings: The settings.
  ///   - partitionCount: The number of partitions, at least 1.
  package init(_ settings: Settings, partitionCount: Int) {
    precondition(partitionCount >= 1)
    self.settings = settings
    self.partitionCount = partitionCount
  }

  /// Tells a score, whether it was asked for or not.
  package mutating func onEvent(_ factors: Factors, score: Double) { scores[factors] = score }

  /// What was found, once all that is needed for it was told.
  package var finding: Finding? {
    switch outcome(assuming: [:]) {
    case .success(let finding): finding
    case .failure: nil
    }
  }

  /// Asks for candidates: first those that are needed, then those that may be.
  package func requests(limit: Int, pending: Set<Factors> = []) -> [Request] {
    var requests: [Request] = []
    var seen: Set<Factors> = []
    // Breadth first: what one guess away is likelier to be needed than what is two away.
    var ways: [[Factors: Double]] = [[:]]
    var tries = 0
    while requests.count < limit, !ways.isEmpty, tries < 64 {
      tries += 1
      let assumed = ways.removeFirst()
      guard case .failure(let unknown) = outcome(assuming: assumed) else { continue }
      for factors in unknown.all {
        if seen.insert(factors).inserted, !pending.contains(factors), requests.count < limit {
          requests.append(Request(factors: factors, isNeeded: assumed.isEmpty))
        }
      }
      for guess in strategies(.first)[0].strategy.assumptions(scores) {
        ways.append(assumed.merging(unknown.all.map { ($0, guess) }) { first, _ in first })
      }
    }
    return requests
  }

  /// Everything that a search cannot go on without.
  private struct Unknowns: Error {
    var all: [Factors] = []
  }

  private typealias Named = (name: String, strategy: any SearchStrategy)

  private func outcome(assuming assumed: [Factors: Double]) -> Result<Finding, Unknowns> {
    var steps: [Step] = []
    var unknowns = Unknowns()
    func go(_ named: Named) -> Factors? {
      var lookup = ScoreLookup(scores, assuming: assumed)
      let result = Result { () throws(UnknownScore) in try named.strategy.walk(&lookup) }
      for factors in lookup.path where !steps.contains(where: { $0.factors == factors }) {
        steps.append(Step(method: named.name, factors: factors))
      }
      switch result {
      case .success(let factors): return factors
      case .failure(let unknown):
        for factors in unknown.all where !unknowns.all.contains(factors) {
          unknowns.all.append(factors)
        }
        return nil
      }
    }
    var method = settings.method
    if method == .rule5, settings.strategy != .joint, partitionCount > 1 {
      // Both ends are candidates with which the two methods begin.
      let ends = [OuterPartitions.absent, .present].compactMap { outer in
        go(("rule5", StartOnly(factors: outer.start(partitionCount: partitionCount))))
      }
      guard ends.count == 2, let first = score(ends[0], assumed), let last = score(ends[1], assumed)
      else { return .failure(unknowns) }
      method = FactorSearch.fifth(first, last)
    }
    let found = strategies(method).map { named in go(named).map { (named.name, $0) } }
    guard unknowns.all.isEmpty else { return .failure(unknowns) }
    var best: (name: String, factors: Factors, score: Double)?
    for case let (name, factors)? in found {
      let value = score(factors, assumed) ?? -.infinity
      if best.map({ value > $0.score }) ?? true { best = (name, factors, value) }
    }
    guard let best else { return .failure(unknowns) }
    return .success(
      Finding(method: best.name, factors: best.factors, score: best.score, path: steps))
  }

  /// The paper's rule: method 1 if the ends differ by at most 5 points of the Domain-Ratio.
  private static func fifth(_ first: Double, _ last: Double) -> Method {
    abs(first - last) <= 0.05 + 1e-12 ? .first : .second
  }

  private func score(_ factors: Factors, _ assumed: [Factors: Double]) -> Double? {
    scores[factors] ?? assumed[factors]
  }

  private func strategies(_ method: Method) -> [Named] {
    guard settings.strategy != .joint else {
      let axes = Array(repeating: SearchAxis(settings.grid), count: partitionCount)
      let strategy = JointSearch(
        settings.axes.isEmpty ? axes : settings.axes, patience: settings.patience,
        limit: settings.limit)
      return [("joint", strategy)]
    }
    let line = LineSearch(
      grid: settings.grid,
      kind: settings.strategy == .golden ? .sections : .steps(patience: settings.patience))
    func named(_ name: String, _ outer: OuterPartitions) -> Named {
      (name, PartitionSearch(partitionCount: partitionCount, outer: outer, line: line))
    }
    // With one partition there is nothing outside of it.
    guard partitionCount > 1 else { return [named("1", .absent)] }
    switch method {
    case .first: return [named("1", .absent)]
    case .second: return [named("2", .present)]
    case .best, .rule5: return [named("1", .absent), named("2", .present)]
    }
  }
}

/// Asks for one candidate only.
private struct StartOnly: SearchStrategy {
  let factors: Factors

  func walk(_ scores: inout ScoreLookup) throws(UnknownScore) -> Factors {
    _ = try scores.score(factors)
    return factors
  }
}
