import SluiceSearch

/// A landscape whose scores are known, and a search over it.
struct Landscape {
  /// Gives the score of factors.
  var score: (Factors) -> Double

  /// What a search found, and everything that was evaluated on the way, in order.
  struct Outcome {
    var finding: FactorSearch.Finding
    var evaluated: [Factors]
  }

  /// Searches, evaluating one candidate at a time or several.
  func search(
    _ strategy: FactorSearch.Strategy, _ method: FactorSearch.Method = .best,
    partitions: Int = 2, grid: FactorGrid = Landscape.standard, patience: Int = 1, jobs: Int = 1
  ) -> Outcome? {
    var settings = FactorSearch.Settings(grid: grid)
    settings.strategy = strategy
    settings.method = method
    settings.patience = patience
    var search = FactorSearch(settings, partitionCount: partitions)
    var evaluated: [Factors] = []
    while search.finding == nil {
      let requests = search.requests(limit: jobs)
      guard !requests.isEmpty, evaluated.count < 1000 else { return nil }
      for request in requests {
        search.onEvent(request.factors, score: score(request.factors))
        evaluated.append(request.factors)
      }
    }
    return search.finding.map { Outcome(finding: $0, evaluated: evaluated) }
  }

  /// The paper's grid upwards.
  static var standard: FactorGrid { grid() }

  static func grid(step: Double = 0.1, bound: Double = 2) -> FactorGrid {
    guard let grid = FactorGrid(step: step, bound: bound) else {
      preconditionFailure("a grid of the tests")
    }
    return grid
  }

  /// A dome with its top at given factors; a partition that is left out costs something.
  static func dome(_ top: [Double], width: [Double]? = nil, tilt: Double = 0) -> Landscape {
    Landscape { factors in
      let offsets = zip(factors.values, top).map { $0 - $1 }
      var score = 1.0
      for (index, offset) in offsets.enumerated() {
        let steepness = width.map { 1 / $0[index] } ?? 0.5
        score -= steepness * offset * offset
      }
      if offsets.count > 1 { score -= tilt * offsets[0] * offsets[1] }
      return score
    }
  }
}
