internal import SluiceCore
package import SluiceKernels

/// Which elements count, by how far models differ in them.
///
/// Formula: v = R(variance over models of R(W_i - base)), divided by their number; mean and squares in Float32.
package final class VarianceRule: StepValueRule {
  /// Rows of a tile that it needs.
  package static let rows = 3
  private let setup: StepSetup

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup) { self.setup = setup }

  /// Nothing to prepare.
  package func begin(_ task: TensorTask, _ steps: StepArithmetic) {}

  /// The variances of a tile.
  package func values(of tile: StepTile, _ steps: StepArithmetic) -> StepRow {
    VarianceRule.variances(setup.others.map(tile.input), tile.count, steps, first: 0)
  }

  /// The variances of rows, in three rows from some one on.
  static func variances(
    _ inputs: [StepRow], _ count: Int, _ steps: StepArithmetic, first: Int
  ) -> StepRow {
    let (mean, sum, rest) = (steps.row(first), steps.row(first + 1), steps.row(first + 2))
    steps.clear(mean, count: count)
    for input in inputs { steps.takeExactly(.add, mean, input, into: mean, count: count) }
    steps.takeExactly(.divide, mean, by: Float(inputs.count), into: mean, count: count)
    steps.clear(sum, count: count)
    for input in inputs {
      steps.takeExactly(.subtract, input, mean, into: rest, count: count)
      steps.takeExactly(.multiply, rest, rest, into: rest, count: count)
      steps.takeExactly(.add, sum, rest, into: sum, count: count)
    }
    steps.take(.divide, sum, by: Float(inputs.count), into: sum, count: count)
    return sum
  }
}

/// Sets elements of all models to zero but those in which they differ the most.
final class VarianceMask {
  private let kernels: Kernels
  private let keep = AlignedBuffer<UInt64>(count: Granularity.tileElements / 64, fill: 0)
  private var cursor: TieCursor?

  init(_ kernels: Kernels) { self.kernels = kernels }

  func begin(_ strip: Strip, _ selection: StepSelection?) {
    cursor = selection?.cut(of: strip).map {
      TieCursor($0.cut, tieBreak: .spread, tiesBefore: $0.tiesBefore)
    }
  }

  /// Masks deltas in place; rows from `first` on are room.
  func apply(_ deltas: [StepRow], _ count: Int, _ steps: StepArithmetic, first: Int) {
    guard var cursor else { return }
    let variances = VarianceRule.variances(deltas, count, steps, first: first)
    // SAFETY: a tile has no more elements than the words.
    _ = unsafe kernels.select(
      variances.pointer, count: count, cursor: &cursor, keep: keep.pointer)
    for delta in deltas {
      unsafe kernels.applyMask(delta.pointer, count: count, keep: keep.pointer)
    }
    self.cursor = cursor
  }
}

/// The mean squares of what is kept of models' deltas.
///
/// Sums: for each model that of R(d^2), d = R(W - base) or 0 where the models differ too little.
package final class SquareRule: StepSumRule {
  /// Rows of a tile that it needs.
  package static let rows = 4
  private let positions: [Int]
  private let mask: VarianceMask
  private let selections: @Sendable (TensorTask) -> StepSelection?

  /// Makes the rule.
  package init(
    _ setup: StepSetup, kernels: Kernels,
    selections: @escaping @Sendable (TensorTask) -> StepSelection?
  ) {
    positions = setup.others
    self.selections = selections
    mask = VarianceMask(kernels)
  }

  /// One for each model.
  package var count: Int { positions.count }

  /// Looks up which elements are kept.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    mask.begin(strip, selections(strip.task))
  }

  /// Adds up a tile.
  package func add(_ tile: StepTile, _ steps: StepArithmetic, to sums: StepAccumulator) {
    let (square, count) = (steps.row(3), tile.count)
    let deltas = positions.map { position in
      let own = tile.input(position)
      steps.take(.subtract, own, tile.base, into: own, count: count)
      return own
    }
    mask.apply(deltas, count, steps, first: 0)
    for (place, own) in deltas.enumerated() {
      steps.take(.multiply, own, own, into: square, count: count)
      sums.add(square, to: place, count: count, steps)
    }
  }
}

/// Select, calculate, erase: elements in which models differ the most, an elected sign, and weights by the sizes of what is
/// left of each model.
///
/// Formula: d_i = R(W_i - base), 0 where the variance is not among the largest; w_i = R(R(mean of R(d_i^2)) / R(their sum)), all
/// equal where that sum is below 1e-6; agreement k_i as in `TaskVectorRule`; out = R(base + R(R(sum of R(d_i w_i) k_i) / max(R(sum
/// of w_i k_i), 1e-6))). Source: FuseChat (arXiv 2408.07990), section 3.3.
package final class SCERule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 6

  private let setup: StepSetup
  private let squares: StepSums
  private let selections: @Sendable (TensorTask) -> StepSelection?
  private let mask: VarianceMask
  private var weights: [Float] = []

  /// Makes the rule of a lane.
  package init(
    _ setup: StepSetup, squares: StepSums, kernels: Kernels,
    selections: @escaping @Sendable (TensorTask) -> StepSelection?
  ) {
    self.setup = setup
    self.squares = squares
    self.selections = selections
    mask = VarianceMask(kernels)
  }

  /// Finds the models' weights.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    func r(_ value: Float) -> Float { StepArithmetic.rounded(value, to: steps.dtype) }
    mask.begin(strip, selections(strip.task))
    let count = Double(max(strip.task.elementCount, 1))
    let means = squares.values(of: strip.task).map { r(Float($0 / count)) }
    var whole: Float = 0
    for mean in means { whole += mean }
    whole = r(whole)
    weights = means.map { whole.magnitude < r(1e-6) ? r(1 / Float(means.count)) : r($0 / whole) }
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let count = tile.count
    let (sum, mix, shares, agrees, weighed) = (
      steps.row(3), steps.row(4), steps.row(5), steps.row(0), steps.row(1)
    )
    let deltas = setup.others.map { position in
      let own = tile.input(position)
      steps.take(.subtract, own, tile.base, into: own, count: count)
      return own
    }
    mask.apply(deltas, count, steps, first: 0)
    for row in [sum, mix, shares] { steps.clear(row, count: count) }
    for delta in deltas { steps.takeExactly(.add, sum, delta, into: sum, count: count) }
    steps.round(sum, count: count)
    for (place, delta) in deltas.enumerated() {
      steps.takeExactly(.agrees, delta, sum, into: agrees, count: count)
      steps.take(.multiply, delta, by: weights[place], into: weighed, count: count)
      steps.takeExactly(.multiply, weighed, agrees, into: weighed, count: count)
      steps.takeExactly(.add, mix, weighed, into: mix, count: count)
      steps.takeExactly(.multiply, agrees, by: weights[place], into: agrees, count: count)
      steps.takeExactly(.add, shares, agrees, into: shares, count: count)
    }
    for row in [mix, shares] { steps.round(row, count: count) }
    steps.take(.atLeast, shares, by: steps.rounded(1e-6), into: shares, count: count)
    steps.take(.divide, mix, shares, into: mix, count: count)
    steps.take(.add, tile.base, mix, into: tile.merged, count: count)
  }
}
