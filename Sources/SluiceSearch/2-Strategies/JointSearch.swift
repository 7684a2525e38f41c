/// Tunes all partitions together: fits a quadratic surface to what was evaluated, evaluates its peak,
/// and ends when the peak is known.
///
/// Near its best place a smooth landscape is quadratic, so few candidates tell where that place is;
/// and as the surface is fitted to all scores together, noise in single ones averages out, where a
/// walk would stop at the first unlucky one. Where scores do not lie on the surface, be it for noise or
/// for another shape, the neighbours of the best are evaluated, too, and the more it misses, the less it
/// has to say about the result. The result is always a candidate that was evaluated.
///
/// `bench/Sources/SearchSimulation` compares it with the others.
package struct JointSearch: SearchStrategy {
  /// The values of each number that is searched.
  package let axes: [SearchAxis]
  /// How many times a known peak is checked by a further candidate beside it.
  package let patience: Int
  /// The most candidates.
  package let limit: Int

  /// Describes a search.
  ///
  /// - Parameters:
  ///   - axes: The values of each number, of which there is one at least.
  ///   - patience: How many times a known peak is checked.
  ///   - limit: The most candidates; what is usual for so many numbers if nil.
  package init(_ axes: [SearchAxis], patience: Int = 1, limit: Int? = nil) {
    self.axes = axes
    self.patience = patience
    self.limit = limit ?? 6 + 8 * axes.count
  }

  /// The number of numbers.
  private var partitionCount: Int { axes.count }

  private typealias Place = [Int]

  /// Goes from the first design to the peak.
  package func walk(_ scores: inout ScoreLookup) throws(UnknownScore) -> Factors {
    var known: [Place: Double] = [:]
    let first = firstPlaces.prefix(limit)
    try scores.need(first.map(factors))
    for place in first { known[place] = try scores.score(factors(place)) }
    var checks = 0
    while known.count < limit {
      let model = model(known)
      var next = peak(of: model, known)
      if known[next] != nil {
        if misfit(model, known) > JointSearch.roughMisfit {
          // The surface is no good guide here: look around the best itself.
          guard let beside = likeliest(beside: top(known), model, known) else { break }
          next = beside
        } else {
          // Until each partition's curve is settled a peak is a guess.
          let isSettled = known.count >= 2 * partitionCount + 2
          guard !isSettled || checks < patience,
            let beside = leastKnown(beside: next, model, known)
          else { break }
          if isSettled { checks += 1 }
          next = beside
        }
      }
      known[next] = try scores.score(factors(next))
    }
    return factors(best(known))
  }

  /// A score that would be no surprise: the best so far.
  package func assumptions(_ known: [Factors: Double]) -> [Double] { [known.values.max() ?? 0] }

  private func factors(_ place: Place) -> Factors {
    Factors(zip(axes, place).map { $0.value($1) })
  }

  /// The corners of a first look: all factors 1, each alone further on, and all further on.
  private var firstPlaces: [Place] {
    let far = axes.map { min($0.steps(0.3), $0.count - 1) }
    let origin = Place(repeating: 0, count: partitionCount)
    var places = [origin]
    for partition in 0..<partitionCount {
      var place = origin
      place[partition] = far[partition]
      places.append(place)
    }
    if partitionCount > 1 { places.append(far) }
    return places
  }

  /// The number of terms of a surface.
  private var termCount: Int {
    1 + 2 * partitionCount + partitionCount * (partitionCount - 1) / 2
  }

  private func scaled(_ place: Place) -> [Double] {
    zip(axes, place).map { Double($1) / $0.reach }
  }

  /// The surface through what was evaluated; what is far from the best, compared with as many others
  /// as a surface needs, counts little.
  private func model(_ known: [Place: Double]) -> QuadraticFit? {
    let points = ordered(known)
    let centre = top(known)
    let distances = points.map { place, _ in
      axes.indices.reduce(0.0) { sum, axis in
        let difference = Double(place[axis] - centre[axis]) / axes[axis].reach
        return sum + difference * difference
      }
    }
    let nearest = distances.sorted()
    let width = nearest[min(termCount, nearest.count - 1)]
    let samples = zip(points, distances).map { point, distance in
      let share = width > 0 ? distance / width : 0
      return QuadraticFit.Sample(
        place: scaled(point.key), score: point.value, weight: 1 / (1 + share * share * share))
    }
    return QuadraticFit(samples, dimension: partitionCount)
  }

  /// The best place of the surface that is not far beyond what was seen.
  private func peak(of model: QuadraticFit?, _ known: [Place: Double]) -> Place {
    let start = best(known)
    guard let model else { return start }
    let ranges = axes.enumerated().map { partition, axis in
      let seen = known.keys.map { $0[partition] }
      return 0...min((seen.max() ?? 0) + axis.steps(0.3), axis.count - 1)
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

  /// Above this misfit a peak is not believed without a look around it.
  private static let roughMisfit = 0.02
  /// Above this misfit the surface does not decide between candidates.
  private static let uselessMisfit = 0.05

  /// How far the surface misses the scores near the best, as a share of the range of all scores.
  private func misfit(_ model: QuadraticFit?, _ known: [Place: Double]) -> Double {
    guard let model, known.count > termCount, let high = known.values.max(),
      let low = known.values.min(), high > low
    else { return 0 }
    let points = near(top(known), known)
    let squares = points.map { place, score in
      let rest = score - model.score(scaled(place))
      return rest * rest
    }
    return (squares.reduce(0, +) / Double(squares.count)).squareRoot() / (high - low)
  }

  /// The places in order, so that sums come out the same.
  private func ordered(_ known: [Place: Double]) -> [(key: Place, value: Double)] {
    known.sorted { $0.key.lexicographicallyPrecedes($1.key) }
  }

  /// The evaluated place with the highest score.
  private func top(_ known: [Place: Double]) -> Place {
    ordered(known).max { $0.value < $1.value }?.key ?? Place(repeating: 0, count: partitionCount)
  }

  /// What was evaluated within reach of a place.
  private func near(_ place: Place, _ known: [Place: Double]) -> [(key: Place, value: Double)] {
    ordered(known).filter { other, _ in
      axes.indices.allSatisfy { Double(abs(other[$0] - place[$0])) <= axes[$0].reach }
    }
  }

  /// Places a tenth away from a place that were not evaluated.
  private func unknown(beside place: Place, _ known: [Place: Double]) -> [Place] {
    axes.enumerated().flatMap { partition, axis in
      [-axis.steps(0.1), axis.steps(0.1)].map { offset in
        var next = place
        next[partition] += offset
        return next
      }.filter { (0..<axis.count).contains($0[partition]) && known[$0] == nil }
    }
  }

  /// The neighbour of a place with the highest fitted score.
  private func likeliest(
    beside place: Place, _ model: QuadraticFit?, _ known: [Place: Double]
  ) -> Place? {
    let places = unknown(beside: place, known)
    guard let model else { return places.first }
    return places.max { model.score(scaled($0)) < model.score(scaled($1)) }
  }

  /// The neighbour of a place that the surface knows least about.
  private func leastKnown(
    beside place: Place, _ model: QuadraticFit?, _ known: [Place: Double]
  ) -> Place? {
    let places = unknown(beside: place, known)
    guard let model else { return places.first }
    return places.max { model.uncertainty(scaled($0)) < model.uncertainty(scaled($1)) }
  }

  /// The evaluated place with the highest fitted score among those within reach of the best; the best
  /// itself where the surface does not fit.
  private func best(_ known: [Place: Double]) -> Place {
    let top = top(known)
    guard known.count > termCount, let model = model(known),
      misfit(model, known) <= JointSearch.uselessMisfit
    else { return top }
    return near(top, known).max { model.score(scaled($0.key)) < model.score(scaled($1.key)) }?.key
      ?? top
  }
}
