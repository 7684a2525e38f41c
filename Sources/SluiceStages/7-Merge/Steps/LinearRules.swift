internal import SluiceKernels

/// The mean of models by weight, or their sum.
///
/// Formula: a = fma(W_i, w_i, a) over the inputs in order, in Float32 from 0; a = a / sum w_i if normalised;
/// out = R(a), the only rounding to the working type. Source: model soups (arXiv 2203.05482).
package final class LinearRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 1

  private let setup: StepSetup
  private var weights: [Float] = []
  private var divisor: Float?

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup) { self.setup = setup }

  /// Looks up weights.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    weights = setup.inputs.indices.map { Float(setup.number("weight", strip.task, $0)) }
    var sum: Float = 0
    for weight in weights { sum += weight }
    divisor = setup.holds("normalize", strip.task) ? sum : nil
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let (sum, count) = (steps.row(0), tile.count)
    steps.clear(sum, count: count)
    for (position, weight) in weights.enumerated() {
      steps.takeExactly(.fused, tile.input(position), by: weight, into: sum, count: count)
    }
    if let divisor {
      steps.takeExactly(.divide, sum, by: divisor, into: sum, count: count)
    }
    steps.take(.round, sum, by: 0, into: tile.merged, count: count)
  }
}

/// One model as it is, or times a number.
///
/// Formula: out = W, or R(W scale) where a scale is given.
package final class PassthroughRule: StepRule {
  private let setup: StepSetup
  private var scale: Float?

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup) { self.setup = setup }

  /// Looks up the scale.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    let number = setup.number("scale", strip.task, 0)
    scale = number.isNaN ? nil : Float(number)
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    if let scale {
      steps.take(
        .multiply, tile.input(0), by: scale, into: tile.merged, count: tile.count)
    } else {
      steps.copy(tile.input(0), into: tile.merged, count: tile.count)
    }
  }
}

/// Takes of another model what is near the base, and moves the rest towards it.
///
/// Formula: s = clamp(R(R(1 / max(R|R(a - b)|, R(1e-6))) t), 0, 1); out = R(R(s b) + R(R(1 - s) a)), a being
/// the base's weight and b the other's. Source: NearSwap, as mergekit has it.
package final class NearSwapRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 3

  private let setup: StepSetup
  private var t: Float = 0

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup) { self.setup = setup }

  /// Looks up the distance.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    t = Float(setup.number("t", strip.task))
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let (share, own, other, count) = (steps.row(0), steps.row(1), tile.model(0), tile.count)
    steps.take(.subtract, tile.base, other, into: share, count: count)
    steps.take(.magnitude, share, by: 0, into: share, count: count)
    steps.take(.atLeast, share, by: steps.rounded(1e-6), into: share, count: count)
    steps.take(.divideInto, share, by: 1, into: share, count: count)
    steps.take(.multiply, share, by: t, into: share, count: count)
    steps.take(.atLeast, share, by: 0, into: share, count: count)
    steps.take(.atMost, share, by: 1, into: share, count: count)
    steps.take(.multiply, share, other, into: own, count: count)
    // 1 - s = -(s - 1), which rounds to the same number.
    steps.take(.subtract, share, by: 1, into: share, count: count)
    steps.take(.multiply, share, tile.base, into: share, count: count)
    steps.take(.subtract, own, share, into: tile.merged, count: count)
  }
}

/// Adds up changes that one model alone makes, and takes the mean of those that several make.
///
/// Formula: d_i = R(W_i - base), active where |d_i| > R(epsilon); n models are active at an element; out =
/// R(base + R(sum of d_i if n is 1, of R(d_i / n) otherwise)), the sum in Float32.
/// Source: RAM (Behavior Knowledge Merge in Reinforced Agentic Models, 2026).
package final class RAMRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 5

  private let setup: StepSetup
  private let factors: (@Sendable (TensorTask, Int) throws -> Float)?
  private var models: [Int] = []
  private var unique: [Float] = []
  private var least: Float = 0

  /// Makes the rule of a lane.
  ///
  /// - Parameters:
  ///   - setup: What is known of the merge.
  ///   - factors: What changes that a model alone makes are multiplied by, if they are.
  package init(
    _ setup: StepSetup, factors: (@Sendable (TensorTask, Int) throws -> Float)? = nil
  ) {
    self.setup = setup
    self.factors = factors
  }

  /// What is multiplied by the changes that a model makes alone.
  ///
  /// Formula: 1 + r clamp(shared / max(unique, epsilon), 0, alpha).
  package static func factor(
    shared: Double, unique: Double, r: Double, alpha: Double, epsilon: Double
  ) -> Float {
    Float(1 + r * min(max(shared / max(unique, epsilon), 0), alpha))
  }

  /// Looks up the least size of a change.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) throws {
    models = strip.task.fineTuned.indices.map { $0 }
    least = steps.rounded(setup.number("epsilon", strip.task))
    unique = try models.map { try factors?(strip.task, $0) ?? 1 }
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let count = tile.count
    let (active, number, sum, share, alone) = (
      steps.row(0), steps.row(1), steps.row(2), steps.row(3), steps.row(4)
    )
    steps.clear(number, count: count)
    for model in models {
      let deltas = tile.model(model)
      steps.take(.subtract, deltas, tile.base, into: deltas, count: count)
      steps.takeExactly(.isAbove, deltas, by: least, into: active, count: count)
      steps.takeExactly(.add, number, active, into: number, count: count)
    }
    // No model makes a change of 0 / 0.
    steps.takeExactly(.atLeast, number, by: 1, into: number, count: count)
    steps.clear(sum, count: count)
    for (position, model) in models.enumerated() {
      let deltas = tile.model(model)
      steps.takeExactly(.above, deltas, by: least, into: deltas, count: count)
      steps.take(.divide, deltas, number, into: share, count: count)
      if unique[position] != 1 {
        // Where one model is active the share is its delta: add what is more of it.
        steps.takeExactly(.reaches, number, by: 2, into: alone, count: count)
        steps.takeExactly(.multiply, share, alone, into: active, count: count)
        steps.takeExactly(.subtract, alone, by: 1, into: alone, count: count)
        steps.takeExactly(.multiply, share, alone, into: share, count: count)
        steps.takeExactly(.multiply, share, by: -unique[position], into: share, count: count)
        steps.takeExactly(.add, share, active, into: share, count: count)
      }
      steps.takeExactly(.add, sum, share, into: sum, count: count)
    }
    if factors == nil {
      steps.round(sum, count: count)
      steps.take(.add, tile.base, sum, into: tile.merged, count: count)
    } else {
      steps.takeExactly(.add, tile.base, sum, into: tile.merged, count: count)
    }
  }
}
