internal import SluiceCore
internal import SluiceKernels

/// Between the base and the mean of models, the nearer to the mean the more alike their changes are.
///
/// Formula, in the working type: o_i = R(W_i - base) with length L_i; c_ij = clamp(R(R(sum of R(o_i o_j)) / max(R(L_i L_j),
/// 1e-6))), c their mean; den = R(1 + R((N - 1) c)); t = R(R(N c) / den), 0 where den is below 1e-6; out = R(R(t mean) + R(R(1
/// - t) base)). Source: Model Stock (arXiv 2403.19522).
package final class ModelStockRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 2

  private let setup: StepSetup
  private let products: StepSums
  private let rowShares: StepRowWindow?
  private var columnCount: Int?
  private var share: Float = 0

  /// Makes the rule of a lane.
  ///
  /// - Parameters:
  ///   - setup: What is known of the merge.
  ///   - rows: The shares of rows, if tensors are merged row by row.
  ///   - products: The products of the models' deltas.
  package init(_ setup: StepSetup, rows: (any StepRowNumbers)?, products: StepSums) {
    self.setup = setup
    rowShares = rows.map { StepRowWindow($0) }
    self.products = products
  }

  /// Whether a tensor is merged row by row.
  package static func isByRows(_ setup: StepSetup, _ task: TensorTask) -> Bool {
    setup.holds("filter_wise", task)
  }

  /// Finds the share of the mean.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    columnCount = ModelStockRule.isByRows(setup, strip.task) ? strip.task.columnCount : nil
    guard columnCount == nil else {
      rowShares?.begin(strip.task, count: strip.task.rowCount)
      return
    }
    share = ModelStockRule.share(products.values(of: strip.task), setup.others.count, steps)
  }

  /// The share of the mean.
  ///
  /// - Parameters:
  ///   - sums: The products of all pairs, as `GramRule` finds them.
  ///   - count: The number of models.
  ///   - steps: What rounds.
  /// - Returns: t.
  package static func share(_ sums: [Double], _ count: Int, _ steps: StepArithmetic) -> Float {
    func r(_ value: Float) -> Float { StepArithmetic.rounded(value, to: steps.dtype) }
    func length(_ index: Int) -> Float {
      r(Float(sums[GramRule.index(index, index)].squareRoot()))
    }
    var sum: Float = 0
    var pairs = 0
    for low in 0..<count {
      for high in low + 1..<max(count, low + 1) {
        let product = r(Float(sums[GramRule.index(low, high)]))
        let most = max(r(length(low) * length(high)), r(1e-6))
        sum += StepFunctions.clamped(r(product / most))
        pairs += 1
      }
    }
    let cosine = r(sum / Float(pairs))
    let divisor = r(1 + r(Float(count - 1) * cosine))
    guard divisor.magnitude >= r(1e-6) else { return 0 }
    return r(r(Float(count) * cosine) / divisor)
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) throws {
    guard let columnCount, let rowShares else { return mergePart(tile, steps) }
    try tile.forEachRow(columnCount) { row, part in
      share = try rowShares.number(of: row)
      mergePart(part, steps)
    }
  }

  private func mergePart(_ tile: StepTile, _ steps: StepArithmetic) {
    let (mean, own, count) = (steps.row(0), steps.row(1), tile.count)
    let others = setup.others
    steps.copy(tile.input(others[0]), into: mean, count: count)
    for position in others.dropFirst() {
      steps.take(.add, mean, tile.input(position), into: mean, count: count)
    }
    steps.take(.divide, mean, by: Float(others.count), into: mean, count: count)
    steps.take(.multiply, mean, by: share, into: mean, count: count)
    let rest = StepArithmetic.rounded(1 - share, to: steps.dtype)
    steps.take(.multiply, tile.base, by: rest, into: own, count: count)
    steps.take(.add, mean, own, into: tile.merged, count: count)
  }
}
