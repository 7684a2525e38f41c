internal import SluiceKernels

/// Task arithmetic and what became of it, with a rounding at each step.
///
/// Formula, with R the rounding to the working type, d_i the deltas as the stages before leave them and w_i =
/// R(weight): d_i = R(d_i w_i). With an election: s = R(sum d_i), a model agrees where d_i > 0 and s >= 0 or d_i <
/// 0 and s < 0; mix = R(sum of the d_i that agree), div = R(sum of their w_i), 1 where that is 0. Without:
/// mix = R(sum d_i), div = R(sum w_i), 1 where it is below 1e-8. mix = R(mix / div) if normalised; mix = R(mix
/// lambda) unless lambda is 1; out = R(base + mix). Sums over models run in Float32 from 0, in their order.
/// Source: task arithmetic (arXiv 2212.04089), TIES (arXiv 2306.01708).
package final class TaskVectorRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 4

  private let setup: StepSetup
  private let elects: Bool
  private var models: [Int] = []
  private var weights: [Float] = []
  private var divisor: Float?
  private var normalizes = false
  private var lambda: Float = 1

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup, elects: Bool) {
    self.setup = setup
    self.elects = elects
  }

  /// Looks up weights.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    models = setup.others.compactMap { position in
      if case .model(let model) = setup.inputs[position] { model } else { nil }
    }
    weights = models.map { steps.rounded(setup.number("weight", strip.task, model: $0)) }
    normalizes = setup.holds("normalize", strip.task)
    lambda = Float(setup.number("lambda", strip.task))
    var sum: Float = 0
    for weight in weights { sum += weight }
    sum = StepArithmetic.rounded(sum, to: steps.dtype)
    divisor = sum.magnitude < 1e-8 ? 1 : sum
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let count = tile.count
    let (mix, shares, sum, agrees) = (steps.row(0), steps.row(1), steps.row(2), steps.row(3))
    for (position, model) in models.enumerated() {
      let deltas = tile.model(model)
      steps.take(.multiply, deltas, by: weights[position], into: deltas, count: count)
    }
    steps.clear(mix, count: count)
    if elects {
      steps.clear(sum, count: count)
      for model in models {
        steps.takeExactly(.add, sum, tile.model(model), into: sum, count: count)
      }
      steps.round(sum, count: count)
      steps.clear(shares, count: count)
      for (position, model) in models.enumerated() {
        let deltas = tile.model(model)
        steps.takeExactly(.agrees, deltas, sum, into: agrees, count: count)
        steps.takeExactly(.multiply, deltas, agrees, into: deltas, count: count)
        steps.takeExactly(.add, mix, deltas, into: mix, count: count)
        steps.takeExactly(
          .multiply, agrees, by: weights[position], into: agrees, count: count)
        steps.takeExactly(.add, shares, agrees, into: shares, count: count)
      }
      steps.round(mix, count: count)
      if normalizes {
        steps.round(shares, count: count)
        steps.take(.unlessZero, shares, by: 1, into: shares, count: count)
        steps.take(.divide, mix, shares, into: mix, count: count)
      }
    } else {
      for model in models {
        steps.takeExactly(.add, mix, tile.model(model), into: mix, count: count)
      }
      steps.round(mix, count: count)
      if normalizes, let divisor {
        steps.take(.divide, mix, by: divisor, into: mix, count: count)
      }
    }
    if lambda != 1 { steps.take(.multiply, mix, by: lambda, into: mix, count: count) }
    steps.take(.add, tile.base, mix, into: tile.merged, count: count)
  }
}
