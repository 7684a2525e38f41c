internal import SluiceKernels

/// The products of all pairs of inputs, or of their differences from the base.
///
/// Formula: sum over elements of x_i x_j for i <= j, pair (0, 0), (0, 1), (1, 1), (0, 2) and so on; x_i = W_i, or
/// R(W_i - base).
package final class GramRule: StepSumRule {
  private let setup: StepSetup
  private let subtracts: Bool
  private let roundsProducts: Bool
  private let positions: [Int]

  /// Makes the rule.
  ///
  /// - Parameters:
  ///   - setup: What is known of the merge.
  ///   - subtracts: Whether it is about differences from the base.
  ///   - roundsProducts: Whether products of different inputs are rounded before they are added.
  ///   - withBase: Whether the base is the first of the inputs that it is about.
  package init(
    _ setup: StepSetup, subtracts: Bool, roundsProducts: Bool = false, withBase: Bool = false
  ) {
    self.setup = setup
    self.subtracts = subtracts
    self.roundsProducts = roundsProducts
    let base = setup.inputs.firstIndex(of: .base)
    positions = (withBase ? [base].compactMap(\.self) : []) + setup.others
  }

  /// Rows of a tile that it needs.
  package static let rows = 1

  /// Where a pair is.
  package static func index(_ first: Int, _ second: Int) -> Int {
    let (low, high) = (min(first, second), max(first, second))
    return high * (high + 1) / 2 + low
  }

  /// Each pair, and each input with itself.
  package var count: Int { positions.count * (positions.count + 1) / 2 }

  /// Nothing to prepare.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {}

  /// Adds up all pairs.
  package func add(_ tile: StepTile, _ steps: StepArithmetic, to sums: StepAccumulator) {
    let (product, count) = (steps.row(0), tile.count)
    if subtracts {
      for position in positions {
        let own = tile.input(position)
        steps.take(.subtract, own, tile.base, into: own, count: count)
      }
    }
    for high in positions.indices {
      let second = tile.input(positions[high])
      for low in 0...high {
        let first = tile.input(positions[low])
        let index = GramRule.index(low, high)
        if roundsProducts, low != high {
          steps.take(.multiply, first, second, into: product, count: count)
          sums.add(product, to: index, count: count, steps)
        } else {
          sums.add(first, second, to: index, count: count, steps)
        }
      }
    }
  }
}

/// The sum of the products of two inputs after each is divided by its length.
///
/// Formula: u_i = R(x_i / max(R(length_i), 1e-7)); the sum of R(u_1 u_2).
package final class UnitProductRule: StepSumRule {
  private let setup: StepSetup
  private let subtracts: Bool
  private let lengths: StepSums?
  private var divisors: [Float] = []

  /// Makes the rule.
  ///
  /// - Parameters:
  ///   - setup: What is known of the merge.
  ///   - subtracts: Whether the base is taken off first.
  ///   - lengths: The products of the inputs of tensors, as `GramRule` finds them; nil where they are said.
  package init(_ setup: StepSetup, subtracts: Bool, lengths: StepSums? = nil) {
    self.setup = setup
    self.subtracts = subtracts
    self.lengths = lengths
  }

  /// Rows of a tile that it needs.
  package static let rows = 2
  /// One.
  package var count: Int { 1 }

  /// Looks up lengths.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    if let lengths { setLengths(lengths.values(of: strip.task), steps) }
  }

  /// Takes the products of the inputs.
  func setLengths(_ squares: [Double], _ steps: StepArithmetic) {
    divisors = (0..<2).map { position in
      max(
        steps.rounded(squares[GramRule.index(position, position)].squareRoot()), steps.rounded(1e-7)
      )
    }
  }

  /// Adds up products.
  package func add(_ tile: StepTile, _ steps: StepArithmetic, to sums: StepAccumulator) {
    let count = tile.count
    for (place, position) in setup.others.enumerated() {
      var own = tile.input(position)
      if subtracts {
        steps.take(.subtract, own, tile.base, into: own, count: count)
      }
      own = steps.row(place)
      steps.take(
        .divide, tile.input(position), by: divisors[place], into: own, count: count)
    }
    steps.take(.multiply, steps.row(0), steps.row(1), into: steps.row(0), count: count)
    sums.add(steps.row(0), to: 0, count: count, steps)
  }
}

/// How many changes each model makes alone, and how many with others.
///
/// Sums: for each model the number of elements at which it is active and so are others; then, for each, at which
/// it is active alone.
package final class ActiveCountRule: StepSumRule {
  private let setup: StepSetup
  private let positions: [Int]
  private var least: Float = 0

  /// Makes the rule.
  package init(_ setup: StepSetup) {
    self.setup = setup
    positions = setup.others
  }

  /// Rows of a tile that it needs.
  package static let rows = 4
  /// Two for each model.
  package var count: Int { 2 * positions.count }

  /// Looks up the least size of a change.
  package func begin(_ strip: Strip, _ steps: StepArithmetic) {
    least = steps.rounded(setup.number("epsilon", strip.task))
  }

  /// Counts a tile.
  package func add(_ tile: StepTile, _ steps: StepArithmetic, to sums: StepAccumulator) {
    let (number, shared, alone, count) = (steps.row(0), steps.row(1), steps.row(2), tile.count)
    steps.clear(number, count: count)
    for position in positions {
      let own = tile.input(position)
      steps.take(.subtract, own, tile.base, into: own, count: count)
      steps.takeExactly(.isAbove, own, by: least, into: own, count: count)
      steps.takeExactly(.add, number, own, into: number, count: count)
    }
    steps.takeExactly(.reaches, number, by: 2, into: shared, count: count)
    // 1 where it is not shared.
    steps.takeExactly(.subtract, shared, by: 1, into: alone, count: count)
    steps.takeExactly(.multiply, alone, by: -1, into: alone, count: count)
    for (place, position) in positions.enumerated() {
      let own = tile.input(position)
      sums.add(own, shared, to: place, count: count, steps)
      sums.add(own, alone, to: positions.count + place, count: count, steps)
    }
  }
}
