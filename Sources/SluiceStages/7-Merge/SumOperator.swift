package import SluiceKernels

/// The sum of the deltas: task arithmetic (arXiv 2212.04089), with weights and scale applied before
/// and after it.
package struct SumOperator: MergeOperator {
  /// Makes the operator.
  package init() {}

  /// The name in recipes.
  package var name: String { "sum" }

  /// Merges the deltas of a tile.
  package func merge(_ tile: MergeTile, kernels: Kernels) {
    unsafe kernels.mergeSum(
      tile.deltas, modelCount: tile.modelCount, count: tile.count, into: tile.merged)
  }
}
