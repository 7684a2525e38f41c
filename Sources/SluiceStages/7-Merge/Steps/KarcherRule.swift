internal import SluiceCore
internal import SluiceKernels

/// The point of a sphere that is nearest to all models: found in turns from their mean.
///
/// Formula: u_i = R(W_i / N_i), N_i the lengths in Float32, those not above `tol` left out; m = sum of R(u_i / N) with R at each
/// addition, divided by its length. Up to `max_iter` times: c_i = clamp(R(sum m u_i)), th_i = acos c_i; T = sum over those
/// with th_i >= tol of R(R(R(th_i / sin th_i) / N) R(u_i - R(c_i m))); the end if T is shorter than `tol`; m = R(R(cos |T| m) + R(sin
/// |T| R(T / |T|))), divided by its length. out = R(R(mean of all N_i) m). What is said of lengths and products follows from
/// the products of all pairs of inputs, in Double: m stays in their span; the elements repeat every turn.
/// Source: Karcher, "Riemannian center of mass" (1977).
package final class KarcherRule: StepRule {
  /// How many rows of a tile it needs.
  package static func rows(_ count: Int) -> Int { count + 3 }

  private struct Turn {
    /// For each unit its cosine, and what its direction is multiplied by; nil where it is left out.
    var pulls: [(cosine: Float, factor: Float)?]
    var length: Float
    var cosine: Float
    var sine: Float
    /// The length of what comes of it.
    var whole: Float
  }

  private let setup: StepSetup
  private let products: StepSums
  private var lengths: [Float] = []
  private var active: [Int] = []
  private var startLength: Float = 1
  private var startsWithFirst = false
  private var turns: [Turn] = []
  private var share: Float = 1
  private var scale: Float = 1

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup, products: StepSums) {
    self.setup = setup
    self.products = products
  }

  /// Finds all turns.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    func r(_ value: Float) -> Float { StepArithmetic.rounded(value, to: steps.dtype) }
    let sums = products.values(of: strip.task)
    let count = setup.others.count
    let tolerance = Float(setup.number("tol", strip.task))
    lengths = (0..<count).map { Float(sums[GramRule.index($0, $0)].squareRoot()) }
    active = lengths.indices.filter { lengths[$0] > tolerance }
    share = Float(1 / Double(count))
    var mean: Float = 0
    for length in lengths { mean += length * share }
    scale = r(mean)
    turns = []
    func product(_ a: [Double], _ b: [Double]) -> Double {
      var sum = 0.0
      for (i, first) in active.enumerated() {
        for (j, second) in active.enumerated() {
          sum +=
            a[i] * b[j] * sums[GramRule.index(first, second)]
            / (Double(lengths[first]) * Double(lengths[second]))
        }
      }
      return sum
    }
    func length(_ a: [Double]) -> Float { Float(max(product(a, a), 0).squareRoot()) }
    func unit(_ index: Int) -> [Double] { active.indices.map { $0 == index ? 1 : 0 } }
    guard !active.isEmpty else { return }
    var point = active.map { _ in Double(share) }
    startLength = length(point)
    startsWithFirst = startLength < tolerance
    if startsWithFirst {
      point = unit(0)
      startLength = 1
    } else {
      point = point.map { $0 / Double(startLength) }
    }
    for _ in 0..<max(Int(setup.number("max_iter", strip.task)), 0) {
      var tangent = active.map { _ in 0.0 }
      var pulls: [(cosine: Float, factor: Float)?] = []
      for index in active.indices {
        let cosine = StepFunctions.clamped(r(Float(product(point, unit(index)))))
        let angle = r(StepFunctions.arcCosine(cosine))
        guard angle >= tolerance else {
          pulls.append(nil)
          continue
        }
        let factor = r(share * r(angle / r(StepFunctions.sine(angle))))
        pulls.append((cosine, factor))
        tangent[index] += Double(factor)
        for place in tangent.indices {
          tangent[place] -= Double(factor) * Double(cosine) * point[place]
        }
      }
      let size = length(tangent)
      guard size >= tolerance else { break }
      let (cosine, sine) = (r(StepFunctions.cosine(size)), r(StepFunctions.sine(size)))
      point = point.indices.map {
        Double(cosine) * point[$0] + Double(sine) * tangent[$0] / Double(size)
      }
      let whole = length(point)
      turns.append(Turn(pulls: pulls, length: size, cosine: cosine, sine: sine, whole: whole))
      guard whole > 0 else { break }
      point = point.map { $0 / Double(whole) }
    }
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let count = tile.count
    let others = setup.others
    if others.count == 1 {
      return steps.copy(tile.input(others[0]), into: tile.merged, count: count)
    }
    let (point, tangent, room) = (
      steps.row(others.count), steps.row(others.count + 1), steps.row(others.count + 2)
    )
    steps.clear(point, count: count)
    for (place, input) in active.enumerated() {
      let unit = steps.row(place)
      steps.take(
        .divide, tile.input(others[input]), by: lengths[input], into: unit, count: count)
      if startsWithFirst { continue }
      steps.take(.multiply, unit, by: share, into: room, count: count)
      steps.take(.add, point, room, into: point, count: count)
    }
    if startsWithFirst { steps.copy(steps.row(0), into: point, count: count) }
    if !startsWithFirst, !active.isEmpty {
      steps.take(.divide, point, by: startLength, into: point, count: count)
    }
    for turn in turns {
      steps.clear(tangent, count: count)
      for (place, pull) in turn.pulls.enumerated() {
        guard let pull else { continue }
        steps.take(.multiply, point, by: pull.cosine, into: room, count: count)
        steps.take(.subtract, steps.row(place), room, into: room, count: count)
        steps.take(.multiply, room, by: pull.factor, into: room, count: count)
        steps.take(.add, tangent, room, into: tangent, count: count)
      }
      steps.take(.divide, tangent, by: turn.length, into: tangent, count: count)
      steps.take(.multiply, tangent, by: turn.sine, into: tangent, count: count)
      steps.take(.multiply, point, by: turn.cosine, into: point, count: count)
      steps.take(.add, point, tangent, into: point, count: count)
      if turn.whole > 0 { steps.take(.divide, point, by: turn.whole, into: point, count: count) }
    }
    steps.take(.multiply, point, by: scale, into: tile.merged, count: count)
  }
}
