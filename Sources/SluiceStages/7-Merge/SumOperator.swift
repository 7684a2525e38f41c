public import SluiceKernels

/// The sum of the deltas: task arithmetic (arXiv 2212.04089), with weights and scale applied before
/// and after it.
public struct SumOperator: MergeOperator {
  /// Makes the operator.
  public init() {}

  /// The name in recipes.
  public var name: String { "sum" }

  /// Merges the deltas of a block.
  ///
  /// - Parameters:
  ///   - block: The deltas, and where the merged delta goes.
  ///   - kernels: The kernels to compute with.
  public func merge(_ block: MergeBlock, kernels: Kernels) {
    unsafe kernels.mergeSum(
      block.deltas, modelCount: block.modelCount, count: block.count, into: block.merged)
  }
}
