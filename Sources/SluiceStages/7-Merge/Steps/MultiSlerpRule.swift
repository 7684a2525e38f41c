internal import SluiceCore
internal import SluiceKernels

/// The spherical mean of several models, or of their differences from a base, by weight: one step from their mean.
///
/// Formula, R after every operation: n_i = R(R(length_i) + eps), u_i = R(x_i / n_i); m = R(sum of R(w_i u_i)), divided by its
/// length; d_i = R(sum u_i m); T = R(sum of R(w_i R(u_i - R(d_i m)))); q = R(R(length of T) + eps); out = R(R(R(m cos q) + R(T
/// R(sin q / q))) R(sum of R(R(length_i) w_i))), and the base added if there is one. Lengths and sums come from the products of
/// all pairs of inputs, in Double; one model is returned as it is.
package final class MultiSlerpRule: StepRule {
  /// How many rows of a tile it needs.
  package static func rows(_ count: Int) -> Int { count + 3 }

  private let setup: StepSetup
  private let products: StepSums
  private var weights: [Float] = []
  private var divisors: [Float] = []
  private var cosines: [Float] = []
  private var length: Float = 1
  private var turn: (mean: Float, tangent: Float) = (1, 0)
  private var scale: Float = 1
  /// Whether the models cancel, so that their weighted sum is taken.
  private var isSum = false

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup, products: StepSums) {
    self.setup = setup
    self.products = products
  }

  /// Finds lengths and angles.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) throws {
    func r(_ value: Float) -> Float { StepArithmetic.rounded(value, to: steps.dtype) }
    let others = setup.others
    let sums = products.values(of: strip.task)
    let eps = Float(setup.number("eps", strip.task))
    weights = others.map { r(Float(setup.number("weight", strip.task, $0))) }
    if setup.holds("normalize_weights", strip.task) {
      var sum: Float = 0
      for weight in weights { sum += weight }
      weights = weights.map { r($0 / r(sum)) }
    }
    let lengths = others.indices.map {
      r(Float(sums[GramRule.index($0, $0)].squareRoot()))
    }
    divisors = lengths.map { r($0 + eps) }
    /// The product of two units.
    func unit(_ i: Int, _ j: Int) -> Double {
      let product = Double(divisors[i]) * Double(divisors[j])
      return product > 0 ? sums[GramRule.index(i, j)] / product : 0
    }
    /// The length of a sum of units.
    func length(_ factors: [Double]) -> Double {
      var square = 0.0
      for i in factors.indices {
        for j in factors.indices { square += factors[i] * factors[j] * unit(i, j) }
      }
      return max(square, 0).squareRoot()
    }
    let mean = r(Float(length(weights.map(Double.init))))
    isSum = mean < eps
    guard !isSum else {
      guard others.count == 2 else { throw StageError.cancelling(strip.task) }
      return
    }
    self.length = mean
    let shares = weights.map { Double($0) / Double(mean) }
    cosines = others.indices.map { i in
      var sum = 0.0
      for j in others.indices { sum += shares[j] * unit(i, j) }
      return r(Float(sum))
    }
    var along = 0.0
    for i in others.indices { along += Double(weights[i]) * Double(cosines[i]) }
    let tangent = r(Float(length(weights.indices.map { Double(weights[$0]) - along * shares[$0] })))
    let angle = r(tangent + eps)
    turn = (r(StepFunctions.cosine(angle)), r(r(StepFunctions.sine(angle)) / angle))
    var sum: Float = 0
    for i in others.indices { sum += r(lengths[i] * weights[i]) }
    scale = r(sum)
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let count = tile.count
    let others = setup.others
    if others.count == 1 {
      return steps.copy(tile.input(others[0]), into: tile.merged, count: count)
    }
    let (mean, tangent, room) = (
      steps.row(others.count), steps.row(others.count + 1), steps.row(others.count + 2)
    )
    for row in [mean, tangent] { steps.clear(row, count: count) }
    for (place, position) in others.enumerated() {
      let own = tile.input(position)
      if setup.hasBase { steps.take(.subtract, own, tile.base, into: own, count: count) }
      if isSum {
        steps.take(.multiply, own, by: weights[place], into: room, count: count)
      } else {
        steps.take(.divide, own, by: divisors[place], into: steps.row(place), count: count)
        steps.take(.multiply, steps.row(place), by: weights[place], into: room, count: count)
      }
      steps.takeExactly(.add, mean, room, into: mean, count: count)
    }
    steps.round(mean, count: count)
    if !isSum {
      steps.take(.divide, mean, by: length, into: mean, count: count)
      for place in others.indices {
        steps.take(.multiply, mean, by: cosines[place], into: room, count: count)
        steps.take(.subtract, steps.row(place), room, into: room, count: count)
        steps.take(.multiply, room, by: weights[place], into: room, count: count)
        steps.takeExactly(.add, tangent, room, into: tangent, count: count)
      }
      steps.round(tangent, count: count)
      steps.take(.multiply, mean, by: turn.mean, into: mean, count: count)
      steps.take(.multiply, tangent, by: turn.tangent, into: tangent, count: count)
      steps.take(.add, mean, tangent, into: mean, count: count)
      steps.take(.multiply, mean, by: scale, into: mean, count: count)
    }
    if setup.hasBase {
      steps.take(.add, mean, tile.base, into: tile.merged, count: count)
    } else {
      steps.copy(mean, into: tile.merged, count: count)
    }
  }
}
