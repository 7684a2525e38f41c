package import SluiceKernels

/// The directions of all models of a layer, side by side.
package struct BlendDirections: Sendable {
  /// The directions.
  package let directions: Directions
  /// Which models change the layer.
  package let isPresent: [Bool]

  /// Collects directions.
  package init(_ directions: Directions, isPresent: [Bool]) {
    self.directions = directions
    self.isPresent = isPresent
  }
}

/// Knows what the models' deltas of linear layers are blended with.
package protocol BlendSource: Sendable {
  /// The directions of a layer.
  func blendDirections(of task: TensorTask) throws -> BlendDirections
  /// For each row that a strip touches the weights of directions.
  func blendWeights(of strip: Strip) throws -> RowNumbers
}

/// The mean of the deltas of those models that change a layer, each times its model's weight, and a sum of
/// directions.
///
/// Of other tensors it is the mean alone. What directions are multiplied by `OwnBlend` finds. The sums run in
/// Double and are rounded to Float32 once.
package struct BlendOperator: MergeOperator {
  private let source: (any BlendSource)?
  private let weights: any FactorSource
  private let modelCount: Int

  /// Makes the operator.
  ///
  /// - Parameters:
  ///   - source: The directions and their weights.
  ///   - weights: For each model, what a tensor's deltas are multiplied by.
  ///   - modelCount: The number of models.
  package init(_ source: (any BlendSource)?, weights: any FactorSource, modelCount: Int) {
    self.source = source
    self.weights = weights
    self.modelCount = modelCount
  }

  /// The name in plans.
  package var name: String { "own-regmean" }

  /// Makes the part that works in one lane.
  package func makeLane(kernels: Kernels) -> any LaneOperator {
    Lane(rule: self, kernels: kernels)
  }

  private final class Lane: LaneOperator {
    private let rule: BlendOperator
    private let kernels: Kernels
    private let shares: AlignedBuffer<Double>
    private var rows = RowNumbers.none
    private var blend = BlendDirections(.none, isPresent: [])
    private var ordinal: Int?

    init(rule: BlendOperator, kernels: Kernels) {
      self.rule = rule
      self.kernels = kernels
      shares = AlignedBuffer(count: max(rule.modelCount, 1), fill: 0)
    }

    func begin(_ strip: Strip) throws {
      rows = .none
      if let source = rule.source, strip.task.role == .linear {
        rows = try source.blendWeights(of: strip)
        if strip.task.ordinal != ordinal {
          ordinal = nil
          blend = BlendDirections(.none, isPresent: [])
          blend = try source.blendDirections(of: strip.task)
        }
      } else {
        blend = BlendDirections(
          .none, isPresent: Array(repeating: true, count: rule.modelCount))
      }
      ordinal = strip.task.ordinal
      let count = Double(blend.isPresent.count { $0 })
      for model in 0..<rule.modelCount {
        let weight = Double(rule.weights.factor(of: strip.task, model: model))
        // SAFETY: there is room for each model.
        unsafe shares.pointer[model] = blend.isPresent[model] ? weight / count : 0
      }
    }

    func merge(_ tile: MergeTile) {
      let width = rows.values.isEmpty ? 0 : blend.directions.width
      guard width > 0 else {
        unsafe kernels.blend(
          tile.deltas, shares: shares.pointer, modelCount: tile.modelCount, from: 0,
          count: tile.count, along: nil, weights: nil, width: 0, into: tile.merged)
        return
      }
      unsafe rows.values.withUnsafeBufferPointer { weights in
        unsafe blend.directions.values.withUnsafeBufferPointer { matrix in
          guard let weights = weights.baseAddress, let matrix = matrix.baseAddress else { return }
          rows.forEachRow(from: tile.firstElement, count: tile.count) { row, column, elements in
            // SAFETY: the elements lie in the tile, and the matrix has a row for each column.
            unsafe kernels.blend(
              tile.deltas, shares: shares.pointer, modelCount: tile.modelCount,
              from: elements.lowerBound, count: elements.count, along: matrix + column * width,
              weights: weights + rows.position(ofRow: row), width: width,
              into: tile.merged + elements.lowerBound)
          }
        }
      }
    }
  }
}
