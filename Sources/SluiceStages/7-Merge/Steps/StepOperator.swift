package import SluiceKernels

/// An operator that makes weights of several inputs' weights, or of a base and deltas, and rounds at each
/// step.
package struct StepOperator: MergeOperator {
  /// The name in plans.
  package let name: String
  private let setup: StepSetup
  private let rows: Int
  private let makeRule: @Sendable (StepSetup, Kernels) -> any StepRule

  /// Makes an operator.
  ///
  /// - Parameters:
  ///   - name: The name in plans.
  ///   - setup: What is known of the merge.
  ///   - rows: How many rows of a tile it needs as room.
  ///   - makeRule: Makes what works in one lane.
  package init(
    _ name: String, _ setup: StepSetup, rows: Int,
    _ makeRule: @escaping @Sendable (StepSetup, Kernels) -> any StepRule
  ) {
    self.name = name
    self.setup = setup
    self.rows = rows
    self.makeRule = makeRule
  }

  /// Weights.
  package var makesWeights: Bool { true }
  /// Room for rows.
  package var needs: StageNeeds {
    StageNeeds(laneByteCount: StepArithmetic.byteCount(rows: rows))
  }

  /// Makes the part that works in one lane.
  package func makeLane(kernels: Kernels) -> any LaneOperator {
    Lane(
      setup, makeRule(setup, kernels), StepArithmetic(rows: rows, kernels: kernels))
  }

  private final class Lane: LaneOperator {
    private let setup: StepSetup
    private let rule: any StepRule
    private let steps: StepArithmetic

    init(_ setup: StepSetup, _ rule: any StepRule, _ steps: StepArithmetic) {
      (self.setup, self.rule, self.steps) = (setup, rule, steps)
    }

    func begin(_ strip: Strip) throws {
      steps.dtype = setup.working.dtype(of: strip.task)
      try rule.begin(strip, steps)
    }

    func merge(_ tile: MergeTile) throws {
      for start in stride(from: 0, to: tile.count, by: Granularity.tileElements) {
        let count = min(Granularity.tileElements, tile.count - start)
        try rule.merge(StepTile(tile, setup, start: start, count: count), steps)
      }
    }
  }
}

/// What an operator that rounds at each step does with tiles, in one lane.
package protocol StepRule: AnyObject {
  /// Prepares for a strip: looks up what is known of its tensor.
  func begin(_ strip: Strip, _ steps: StepArithmetic) throws

  /// Merges a tile.
  func merge(_ tile: StepTile, _ steps: StepArithmetic) throws
}

/// A tile of all inputs; what is read of it may be written over.
@safe package struct StepTile {
  /// The number of elements.
  package let count: Int
  /// The position of the first in the tensor.
  package let firstElement: Int
  /// The base's weights.
  package let base: StepRow
  /// Where the merged weights go.
  package let merged: StepRow
  @unsafe private let models: UnsafePointer<UnsafePointer<Float>>
  private let inputs: [StepInput]
  private let start: Int

  init(_ tile: MergeTile, _ setup: StepSetup, start: Int, count: Int) {
    self.count = count
    self.start = start
    inputs = setup.inputs
    firstElement = tile.firstElement + start
    guard let base = unsafe tile.base else {
      preconditionFailure("operators that make weights are given the base's")
    }
    // SAFETY: the tile has as many elements of the base, of each model and of the result, in buffers that can be
    // written to.
    unsafe self.base = StepRow(UnsafeMutablePointer(mutating: base + start))
    unsafe merged = StepRow(tile.merged + start)
    unsafe models = unsafe tile.deltas
  }

  /// A part of a tile, for operators that work on rows of a tensor.
  package init(_ tile: StepTile, from first: Int, count: Int) {
    self.count = count
    start = tile.start + first
    firstElement = tile.firstElement + first
    inputs = tile.inputs
    base = tile.base.dropFirst(first)
    merged = tile.merged.dropFirst(first)
    unsafe models = unsafe tile.models
  }

  /// What was read of a fine-tuned model: weights or deltas.
  package func model(_ model: Int) -> StepRow {
    // SAFETY: as above.
    unsafe StepRow(UnsafeMutablePointer(mutating: models[model] + start))
  }

  /// The weights of an input.
  package func input(_ position: Int) -> StepRow {
    switch inputs[position] {
    case .base: base
    case .model(let model): self.model(model)
    }
  }
}
