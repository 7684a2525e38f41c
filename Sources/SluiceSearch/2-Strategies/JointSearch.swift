/// Tunes all partitions together: fits a quadratic surface to what was evaluated, evaluates its peak,
/// and ends when the peak is known.
///
/// Near its best place a smooth landscape is quadratic, so few candidates tell where that place is;
/// and as the surface is fitted to all scores together, noise in single ones averages out, where a
/// walk would stop at the first unlucky one. Points near the best count most, since a landscape need
/// not be quadratic far away. What is given is the evaluated candidate with the highest fitted score
/// among those near the best.
public struct JointSearch: SearchStrategy {
  /// The number of partitions.
  public let partitionCount: Int
  /// The factors of each partition.
  public let grid: FactorGrid
  /// How many times a known peak is checked by a further candidate beside it.
  public let patience: Int
  /// The most candidates.
  public let limit: Int

  /// Describes a search.
  ///
  /// - Parameters:
  ///   - partitionCount: The number of partitions, at least 1.
  ///   - grid: The factors of each partition.
  ///   - patience: How many times a known peak is checked.
  public init(partitionCount: Int, grid: FactorGrid, patience: Int = 1) {
    self.partitionCount = partitionCount
    self.grid = grid
    self.patience = patience
    limit = 6 + 8 * partitionCount
  }

  private typealias Place = [Int]

  /// Goes from the first design to the peak.
  ///
  /// - Parameter scores: The landscape.
  /// - Returns: The factors that were found best.
  /// - Throws: `UnknownScore` where it cannot go on.
  public func walk(_ scores: inout ScoreLookup) throws(UnknownScore) -> Factors {
    var known: [Place: Double] = [:]
    for place in firstPlaces { known[place] = try scores.score(factors(place)) }
    var checks = 0
    while known.count < limit {
      let model = model(known)
      let peak = peak(of: model, known)
      if known[peak] == nil {
        known[peak] = try scores.score(factors(peak))
        continue
      }
      guard checks < patience, let other = leastKnown(beside: peak, model, known) else { break }
      checks += 1
      known[other] = try scores.score(factors(other))
    }
    return factors(best(known))
  }

  /// A score that would be no surprise: the best so far.
  ///
  /// - Parameter known: The scores that are known.
  /// - Returns: One score.
  public func assumptions(_ known: [Factors: Double]) -> [Double] { [known.values.max() ?? 0] }

  private func factors(_ place: Place) -> Factors { Factors(place.map { grid.factor($0) }) }

  /// The corners of a first look: all factors 1, each alone further on, and all further on.
  private var firstPlaces: [Place] {
    let far = min(max(Int((0.3 / grid.step).rounded()), 1), grid.count - 1)
    let origin = Place(repeating: 0, count: partitionCount)
    var places = [origin]
    for partition in 0..<partitionCount {
      var place = origin
      place[partition] = far
      places.append(place)
    }
    if partitionCount > 1 { places.append(Place(repeating: far, count: partitionCount)) }
    return places
  }

  /// The length that counts as near, in positions.
  private var reach: Double { max(0.4 / grid.step, 2) }

  private func scaled(_ place: Place) -> [Double] { place.map { Double($0) / reach } }

  private func model(_ known: [Place: Double]) -> QuadraticFit? {
    // Sums of floating-point numbers depend on their order.
    let points = known.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    guard let centre = points.max(by: { $0.value < $1.value })?.key else { return nil }
    let samples = points.map { place, score in
      let distance = zip(place, centre).reduce(0.0) { sum, pair in
        let difference = Double(pair.0 - pair.1) / reach
        return sum + difference * difference
      }
      return QuadraticFit.Sample(
        place: scaled(place), score: score, weight: 1 / (1 + distance * distance))
    }
    return QuadraticFit(samples, dimension: partitionCount)
  }

  /// The best place of the surface that is not far beyond what was seen.
  private func peak(of model: QuadraticFit?, _ known: [Place: Double]) -> Place {
    let start = best(known)
    guard let model else { return start }
    let margin = max(Int((0.3 / grid.step).rounded()), 1)
    let ranges = (0..<partitionCount).map { partition in
      let seen = known.keys.map { $0[partition] }
      return 0...min((seen.max() ?? 0) + margin, grid.count - 1)
    }
    var place = start
    var score = model.score(scaled(place))
    var isMoving = true
    // Along one axis after the other, until none leads further up.
    while isMoving {
      isMoving = false
      for partition in 0..<partitionCount {
        for position in ranges[partition] where position != place[partition] {
          var next = place
          next[partition] = position
          let nextScore = model.score(scaled(next))
          if nextScore > score + 1e-12 {
            (place, score) = (next, nextScore)
            isMoving = true
          }
        }
      }
    }
    return place
  }

  /// The neighbour of a place that the surface knows least about.
  private func leastKnown(
    beside place: Place, _ model: QuadraticFit?, _ known: [Place: Double]
  ) -> Place? {
    var neighbours: [Place] = []
    for partition in 0..<partitionCount {
      for side in [-1, 1] {
        var next = place
        next[partition] += side
        if (0..<grid.count).contains(next[partition]), known[next] == nil {
          neighbours.append(next)
        }
      }
    }
    guard let model else { return neighbours.first }
    return neighbours.max { model.uncertainty(scaled($0)) < model.uncertainty(scaled($1)) }
  }

  /// The evaluated place with the highest fitted score among those within reach of the best.
  private func best(_ known: [Place: Double]) -> Place {
    let points = known.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    guard let top = points.max(by: { $0.value < $1.value }) else {
      return Place(repeating: 0, count: partitionCount)
    }
    let terms = 1 + 2 * partitionCount + partitionCount * (partitionCount - 1) / 2
    guard known.count > terms, let model = model(known) else { return top.key }
    let near = points.filter { place, _ in
      zip(place, top.key).allSatisfy { Double(abs($0 - $1)) <= reach }
    }
    return near.max { model.score(scaled($0.key)) < model.score(scaled($1.key)) }?.key ?? top.key
  }
}
