internal import SluiceCore
internal import SluiceKernels

/// The way from the base to another model along an arc.
///
/// Formula, all in Float32 and rounded to the working type once: with lengths n_a and n_b (1 where they do not exceed
/// 1e-8) and c = clamp(a b / (n_a n_b)): where |c| > 0.9995, out = (1 - t) a + t b; else, with th = acos c, out =
/// (sin((1 - t) th) / sin th) a + (sin(t th) / sin th) b. Lengths and products are sums in Double.
/// Source: Shoemake, "Animating rotation with quaternion curves" (1985).
package final class SlerpRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 2

  private let setup: StepSetup
  private let products: StepSums
  private var factors: (base: Float, other: Float) = (1, 0)

  /// Makes the rule of a lane.
  package init(_ setup: StepSetup, products: StepSums) {
    self.setup = setup
    self.products = products
  }

  /// Finds what both are multiplied by.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    let sums = products.values(of: strip.task)
    func length(_ square: Double) -> Float {
      let length = Float(square.squareRoot())
      return length > 1e-8 ? length : 1
    }
    let (a, b) = (length(sums[0]), length(sums[2]))
    let cosine = StepFunctions.clamped(Float(sums[1] / (Double(a) * Double(b))))
    let t = setup.number("t", strip.task)
    guard cosine.magnitude <= 0.9995 else {
      factors = (Float(1 - t), Float(t))
      return
    }
    let angle = StepFunctions.arcCosine(cosine)
    let sine = StepFunctions.sine(angle)
    factors = (
      StepFunctions.sine(Float(1 - t) * angle) / sine, StepFunctions.sine(Float(t) * angle) / sine
    )
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) {
    let (own, other, count) = (steps.row(0), steps.row(1), tile.count)
    steps.takeExactly(.multiply, tile.base, by: factors.base, into: own, count: count)
    steps.takeExactly(.multiply, tile.model(0), by: factors.other, into: other, count: count)
    steps.takeExactly(.add, own, other, into: own, count: count)
    steps.take(.round, own, by: 0, into: tile.merged, count: count)
  }
}

/// The same between two models, or their differences from a base, by their weights.
///
/// Formula, R after every operation: t = w_2 / (w_1 + w_2), 0.5 where that sum is below 1e-6; c = clamp(R(sum of R(u_1
/// u_2))), u_i = R(x_i / max(R(length), 1e-7)); th = acos c; out = R(R(R(x_1 sin((1 - t) th)) + R(x_2 sin(t th))) / sin
/// th), and R(R(x_1 (1 - t)) + R(x_2 t)) where 1 - c^2 is not above 1e-16; with a base it is added.
package final class NuSlerpRule: StepRule {
  /// How many rows of a tile it needs.
  package static let rows = 2

  private let setup: StepSetup
  private let cosine: @Sendable (TensorTask) -> Double
  private let rowCosines: StepRowWindow?
  private let columnFactors = ColumnFactors()
  private var columnCount: Int?
  private var isByColumns = false
  private var t = 0.5
  private var factors: [Float] = [1, 0]
  private var divisor: Float?

  /// Makes the rule of a lane.
  ///
  /// - Parameters:
  ///   - setup: What is known of the merge.
  ///   - rows: The cosines of rows or columns, if tensors are merged row by row, or column by column.
  ///   - cosine: The cosine of a tensor's inputs.
  package init(
    _ setup: StepSetup, rows: (any StepRowNumbers)?,
    cosine: @escaping @Sendable (TensorTask) -> Double
  ) {
    self.setup = setup
    rowCosines = rows.map { StepRowWindow($0) }
    self.cosine = cosine
  }

  /// Whether a tensor is merged row by row, or column by column.
  package static func isByRows(_ setup: StepSetup, _ task: TensorTask) -> Bool {
    !setup.holds("nuslerp_flatten", task)
  }

  /// Whether it is merged column by column; a vector is one row.
  package static func isByColumns(_ setup: StepSetup, _ task: TensorTask) -> Bool {
    isByRows(setup, task) && setup.holds("nuslerp_row_wise", task) && task.dimensions.count == 2
  }

  /// The weight of the second of two models.
  package static func share(_ first: Double, _ second: Double) -> Double {
    (first + second).magnitude < 1e-6 ? 0.5 : second / (first + second)
  }

  /// Finds what both are multiplied by.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) throws {
    let weights = setup.others.map { setup.number("weight", strip.task, $0) }
    t = NuSlerpRule.share(weights[0], weights[1])
    columnCount = NuSlerpRule.isByRows(setup, strip.task) ? strip.task.columnCount : nil
    isByColumns = NuSlerpRule.isByColumns(setup, strip.task)
    guard let columnCount, let rowCosines else { return setFactors(cosine(strip.task), steps) }
    rowCosines.begin(strip.task, count: isByColumns ? columnCount : strip.task.rowCount)
    guard isByColumns else { return }
    try columnFactors.set(columnCount) { column in
      setFactors(Double(try rowCosines.number(of: column)), steps)
      return (factors[0], factors[1], divisor ?? 1)
    }
  }

  private func setFactors(_ sum: Double, _ steps: StepArithmetic) {
    func r(_ value: Float) -> Float { StepArithmetic.rounded(value, to: steps.dtype) }
    let c = StepFunctions.clamped(r(Float(sum)))
    guard r(1 - r(c * c)) > 1e-16 else {
      (factors, divisor) = ([Float(1 - t), Float(t)], nil)
      return
    }
    let angle = r(StepFunctions.arcCosine(c))
    factors = [1 - t, t].map { r(StepFunctions.sine(r(angle * Float($0)))) }
    divisor = r(StepFunctions.sine(angle))
  }

  /// Merges a tile.
  package func merge(_ tile: StepTile, _ steps: StepArithmetic) throws {
    guard let columnCount, let rowCosines else { return mergePart(tile, steps) }
    try tile.forEachRow(columnCount) { row, part in
      if !isByColumns { setFactors(Double(try rowCosines.number(of: row)), steps) }
      mergePart(part, steps)
    }
  }

  private func mergePart(_ tile: StepTile, _ steps: StepArithmetic) {
    let count = tile.count
    let column = isByColumns ? tile.firstElement % (columnCount ?? 1) : nil
    for (place, position) in setup.others.enumerated() {
      let own = tile.input(position)
      if setup.hasBase { steps.take(.subtract, own, tile.base, into: own, count: count) }
      if let column {
        let factor = columnFactors.row(place, from: column)
        steps.take(.multiply, own, factor, into: steps.row(place), count: count)
      } else {
        steps.take(.multiply, own, by: factors[place], into: steps.row(place), count: count)
      }
    }
    let sum = steps.row(0)
    steps.take(.add, sum, steps.row(1), into: sum, count: count)
    if let column {
      // Where columns are alike there is no divisor; nothing changes when one divides by 1.
      steps.take(.divide, sum, columnFactors.row(2, from: column), into: sum, count: count)
    } else if let divisor {
      steps.take(.divide, sum, by: divisor, into: sum, count: count)
    }
    if setup.hasBase {
      steps.take(.add, tile.base, sum, into: tile.merged, count: count)
    } else {
      steps.copy(sum, into: tile.merged, count: count)
    }
  }
}
