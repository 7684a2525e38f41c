package import SluiceKernels

/// Elects a sign for each element by the sum of the deltas, and merges those that have it, with
/// everything that versions of TIES do differently.
///
/// Formula: s = sign(sum_i d_i), `zeroSign` for a zero sum; merged = the mean, sum, weighted mean or
/// scaled sum of the non-zero d_i with sign s. Sums run in Float32 in the order of the models.
/// Source: TIES-Merging (arXiv 2306.01708) section 4, steps 2 and 3; the weighted mean is that of
/// mergekit, the scaled sum AdaMerging++ (arXiv 2310.02575), section 3.
package struct ElectionOperator: TileOperator {
  private let zeroSign: ZeroSign
  private let aggregation: ElectedAggregation
  private let weights: [Float]
  private let factors: any FactorSource

  /// Makes the operator.
  ///
  /// - Parameters:
  ///   - zeroSign: The sign that a sum of zero elects.
  ///   - aggregation: What becomes of the deltas that have the elected sign.
  ///   - modelCount: The number of models.
  ///   - factors: The weights of the models, which may differ between tensors; used by
  ///     `weightedMean` and `scaledSum` only.
  package init(
    zeroSign: ZeroSign, aggregation: ElectedAggregation, modelCount: Int,
    factors: any FactorSource
  ) {
    self.zeroSign = zeroSign
    self.aggregation = aggregation
    self.factors = factors
    weights = Array(repeating: 1, count: modelCount)
  }

  private init(_ other: ElectionOperator, for task: TensorTask) {
    zeroSign = other.zeroSign
    aggregation = other.aggregation
    factors = other.factors
    weights = other.weights.indices.map { other.factors.factor(of: task, model: $0) }
  }

  /// The name in recipes.
  package var name: String { "elect" }

  /// The operator for one tensor.
  package func prepared(for task: TensorTask) -> any TileOperator {
    ElectionOperator(self, for: task)
  }

  /// Merges the deltas of a tile.
  package func merge(_ tile: MergeTile, kernels: Kernels) {
    unsafe kernels.mergeElected(
      tile.deltas, weights: weights, modelCount: tile.modelCount, count: tile.count,
      zeroSign: zeroSign, aggregation: aggregation, into: tile.merged)
  }
}
