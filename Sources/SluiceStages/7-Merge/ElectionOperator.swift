public import SluiceKernels

/// Elects a sign for each element by the sum of the deltas, and merges those that have it, with
/// everything that versions of TIES do differently.
///
/// Formula: s = sign(sum_i d_i), `zeroSign` for a zero sum; merged = the mean, sum, weighted mean or
/// scaled sum of the non-zero d_i with sign s. Sums run in Float32 in the order of the models.
/// Source: TIES-Merging (arXiv 2306.01708) section 4, steps 2 and 3; the weighted mean is that of
/// mergekit, the scaled sum AdaMerging++ (arXiv 2310.02575), section 3.
public struct ElectionOperator: MergeOperator {
  private let zeroSign: ZeroSign
  private let aggregation: ElectedAggregation
  private let weights: [Float]
  private let factors: (any FactorSource)?

  /// Makes the operator.
  ///
  /// - Parameters:
  ///   - zeroSign: The sign that a sum of zero elects.
  ///   - aggregation: What becomes of the deltas that have the elected sign.
  ///   - weights: One weight for each model; used by `weightedMean` and `scaledSum` only.
  public init(zeroSign: ZeroSign, aggregation: ElectedAggregation, weights: [Float]) {
    self.zeroSign = zeroSign
    self.aggregation = aggregation
    self.weights = weights
    factors = nil
  }

  /// Makes the operator of the scaled sum with weights that differ between tensors.
  ///
  /// - Parameters:
  ///   - zeroSign: The sign that a sum of zero elects.
  ///   - modelCount: The number of models.
  ///   - factors: What each tensor's deltas of each model are multiplied by.
  public init(zeroSign: ZeroSign, modelCount: Int, factors: any FactorSource) {
    self.zeroSign = zeroSign
    aggregation = .scaledSum
    weights = Array(repeating: 1, count: modelCount)
    self.factors = factors
  }

  /// The name in recipes.
  public var name: String { "elect" }

  /// The operator for one tensor.
  ///
  /// - Parameter task: The tensor.
  /// - Returns: The operator with the tensor's weights.
  public func prepared(for task: TensorTask) -> any MergeOperator {
    guard let factors else { return self }
    return ElectionOperator(
      zeroSign: zeroSign, aggregation: aggregation,
      weights: weights.indices.map { factors.factor(of: task, model: $0) })
  }

  /// Merges the deltas of a block.
  ///
  /// - Parameters:
  ///   - block: The deltas, and where the merged delta goes.
  ///   - kernels: The kernels to compute with.
  public func merge(_ block: MergeBlock, kernels: Kernels) {
    unsafe kernels.mergeElected(
      block.deltas, weights: weights, modelCount: block.modelCount, count: block.count,
      zeroSign: zeroSign, aggregation: aggregation, into: block.merged)
  }
}
