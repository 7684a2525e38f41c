package import SluiceCore
internal import SluiceKernels

/// How far the weights of a row are from those of the base, taken as the logarithms of probabilities.
///
/// Formula: P and Q are the softmax of the model's row and of the base's, R(.. + 1e-8) each; K = R(sum of R(P R(log R(P / Q)))).
/// Exponentials and logarithms are Double's, rounded to Float32; sums run in Double.
package final class RowDivergenceRule: StepRowRule {
  private let position: Int
  private let sums = StepAccumulator(count: 3)

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup) { position = setup.others[0] }

  /// The divergence.
  package func number(
    of pieces: [StepTile], _ task: TensorTask, _ steps: StepArithmetic
  ) -> Float {
    sums.clear()
    for piece in pieces {
      let (room, count) = (steps.row(0), piece.count)
      for (place, row) in [piece.input(position), piece.base].enumerated() {
        steps.takeExactly(.exponential, row, by: 0, into: room, count: count)
        sums.add(room, to: place, count: count, steps)
      }
    }
    let wholes = sums.totals.prefix(2).map { Float($0) }
    for piece in pieces {
      let count = piece.count
      for (place, row) in [piece.input(position), piece.base].enumerated() {
        let share = steps.row(place)
        steps.takeExactly(.exponential, row, by: 0, into: share, count: count)
        steps.take(.divide, share, by: wholes[place], into: share, count: count)
        steps.take(.add, share, by: 1e-8, into: share, count: count)
      }
      let (own, other) = (steps.row(0), steps.row(1))
      steps.take(.divide, own, other, into: other, count: count)
      steps.take(.logarithm, other, by: 0, into: other, count: count)
      steps.take(.multiply, own, other, into: own, count: count)
      sums.add(own, to: 2, count: count, steps)
    }
    return StepArithmetic.rounded(Float(sums.totals[2]), to: steps.dtype)
  }
}

/// How much a change matters: its size times its row's divergence.
package final class ImportanceRule: StepValueRule {
  private let position: Int
  private let rows: StepRowWindow
  private var columnCount = 1

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup, rows: any StepRowNumbers) {
    position = setup.others[0]
    self.rows = StepRowWindow(rows)
  }

  /// Begins with a tensor.
  package func begin(_ task: TensorTask, _ steps: StepArithmetic) {
    columnCount = max(task.columnCount, 1)
    rows.begin(task, count: task.rowCount)
  }

  /// The importance of a tile's changes, from which the base is taken off already.
  package func values(of tile: StepTile, _ steps: StepArithmetic) throws -> StepRow {
    let row = steps.row(0)
    try importance(of: tile.input(position), tile, into: row, steps)
    return row
  }

  func importance(
    of changes: StepRow, _ tile: StepTile, into row: StepRow, _ steps: StepArithmetic
  ) throws {
    steps.take(.magnitude, changes, by: 0, into: row, count: tile.count)
    var start = 0
    try tile.forEachRow(columnCount) { index, part in
      let own = row.dropFirst(start)
      steps.take(.multiply, own, by: try rows.number(of: index), into: own, count: part.count)
      start += part.count
    }
  }
}

/// Takes over the changes that matter the most.
///
/// Formula: I = R(R|d| K), d = R(W - base) and K the row's divergence; q1, q2, q3 the values at ranks int(q (n - 1)) of all I of the tensor for
/// q = 0.25, 0.5, 0.75; out = base + d where I >= R(q2 + R(1.5 R(q3 - q1))), else base, in Float32. The quantiles are those of all
/// elements, however many there are. Source: Arcee Fusion, as mergekit has it.
package final class FusionRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 2

  private let setup: StepSetup
  private let importance: ImportanceRule
  private let selections: @Sendable (TensorTask) -> StepSelection?
  private var threshold: Float = 0

  /// Makes the rule of a lane.
  package init(
    _ setup: StepSetup, rows: any StepRowNumbers,
    selections: @escaping @Sendable (TensorTask) -> StepSelection?
  ) {
    self.setup = setup
    self.selections = selections
    importance = ImportanceRule(setup, rows: rows)
  }

  /// Finds the threshold.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    importance.begin(strip.task, steps)
    let values = selections(strip.task)?.values ?? []
    threshold = values.count == 3 ? FusionRule.threshold(values, steps.dtype) : 0
  }

  /// The least importance that counts.
  package static func threshold(_ quartiles: [Float], _ dtype: DType) -> Float {
    func r(_ value: Float) -> Float { StepArithmetic.rounded(value, to: dtype) }
    return r(quartiles[1] + r(1.5 * r(quartiles[2] - quartiles[0])))
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) throws {
    let (values, count) = (steps.row(0), tile.count)
    let changes = tile.input(setup.others[0])
    steps.take(.subtract, changes, tile.base, into: changes, count: count)
    try importance.importance(of: changes, tile, into: values, steps)
    steps.takeExactly(.reaches, values, by: threshold, into: values, count: count)
    steps.takeExactly(.multiply, changes, values, into: changes, count: count)
    steps.takeExactly(.add, tile.base, changes, into: tile.merged, count: count)
  }
}
