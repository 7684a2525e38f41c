package import SluiceKernels

/// The mean of the deltas of those models that change a layer, each times its model's weight, and a sum of
/// directions.
///
/// Of other tensors it is the mean alone. What directions are multiplied by `OwnBlend` and `BlendLane` find. Their sum
/// runs in Float32; the mean is added in Double, and rounded to Float32 with it once.
package struct BlendOperator: MergeOperator {
  private let source: (any BlendSource)?
  private let weights: any FactorSource
  private let modelCount: Int
  private let isSolved: Bool

  /// Makes the operator.
  ///
  /// - Parameters:
  ///   - source: The directions and their weights.
  ///   - weights: For each model, what a tensor's deltas are multiplied by.
  ///   - modelCount: The number of models.
  ///   - isSolved: Whether the first model has the blended deltas of linear layers, and no other model has these.
  package init(
    _ source: (any BlendSource)?, weights: any FactorSource, modelCount: Int,
    isSolved: Bool = false
  ) {
    self.source = source
    self.isSolved = isSolved
    self.weights = weights
    self.modelCount = modelCount
  }

  /// The name in plans.
  package var name: String { "own-regmean" }
  /// Several rows are blended together.
  package var needs: StageNeeds { StageNeeds(usesGrains: true) }

  /// Makes the part that works in one lane.
  package func makeLane(kernels: Kernels) -> any LaneOperator {
    Lane(rule: self, kernels: kernels)
  }

  private final class Lane: LaneOperator {
    private let rule: BlendOperator
    private let kernels: Kernels
    private let shares: AlignedBuffer<Double>
    private let lane: BlendLane?
    private var isBlended = false

    init(rule: BlendOperator, kernels: Kernels) {
      self.rule = rule
      self.kernels = kernels
      shares = AlignedBuffer(count: max(rule.modelCount, 1), fill: 0)
      lane = rule.source.map {
        BlendLane($0, modelCount: rule.modelCount, kernels: kernels)
      }
    }

    func begin(_ strip: Strip) throws {
      let factors = (0..<rule.modelCount).map {
        Double(rule.weights.factor(of: strip.task, model: $0))
      }
      isBlended = false
      let isWhole = rule.isSolved && strip.task.role == .linear
      for (model, factor) in factors.enumerated() {
        // SAFETY: there is room for each model.
        unsafe shares.pointer[model] = isWhole ? 1 : factor / Double(factors.count)
      }
      guard let source = rule.source, let lane, strip.task.role == .linear else { return }
      isBlended = true
      try lane.begin(strip.task, factors: factors)
      try lane.prepare(source.rows(of: strip), of: strip.task)
    }

    func merge(_ tile: MergeTile) {
      if isBlended, let lane {
        unsafe lane.blend(
          tile.deltas, elements: tile.firstElement..<tile.firstElement + tile.count,
          into: tile.merged)
      } else {
        unsafe kernels.blend(
          tile.deltas, shares: shares.pointer, modelCount: tile.modelCount, from: 0,
          count: tile.count, into: tile.merged, continues: false)
      }
    }
  }
}
