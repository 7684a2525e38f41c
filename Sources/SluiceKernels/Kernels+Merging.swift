internal import CSluiceKernels

extension Kernels {
  /// Merges deltas by electing a sign (TIES, arXiv 2306.01708, without its trimming).
  ///
  /// With s = ((d1 + d2) + d3) ... in Float32, the elected sign is + if s >= 0, else -. The merged
  /// delta is the sum, in model order, of the deltas that have that sign, divided by their number;
  /// 0 if there are none. The delta of a single model is itself. The deltas must be finite.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - modelCount: How many models, at least one.
  ///   - count: How many elements.
  ///   - merged: Receives `count` numbers; may be one of the inputs.
  package func mergeTies(
    _ deltas: UnsafePointer<UnsafePointer<Float>>, modelCount: Int, count: Int,
    into merged: UnsafeMutablePointer<Float>
  ) {
    precondition(modelCount > 0, "there is something to merge")
    // Safety: the caller guarantees `count` numbers for each model and for the result.
    unsafe functions.pointee.merge_ties(deltas, modelCount, count, merged)
  }

  /// Merges deltas into their sum.
  ///
  /// The order is that of the models: ((d1 + d2) + d3) and so on, each rounded to Float32.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - modelCount: How many models, at least one.
  ///   - count: How many elements.
  ///   - merged: Receives `count` numbers; may be one of the inputs.
  package func mergeSum(
    _ deltas: UnsafePointer<UnsafePointer<Float>>, modelCount: Int, count: Int,
    into merged: UnsafeMutablePointer<Float>
  ) {
    precondition(modelCount > 0, "there is something to merge")
    // Safety: the caller guarantees `count` numbers for each model and for the result.
    unsafe functions.pointee.merge_sum(deltas, modelCount, count, merged)
  }

  /// Merges deltas into their mean: the sum in model order, divided by the number of models.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - modelCount: How many models, at least one.
  ///   - count: How many elements.
  ///   - merged: Receives `count` numbers; may be one of the inputs.
  package func mergeMean(
    _ deltas: UnsafePointer<UnsafePointer<Float>>, modelCount: Int, count: Int,
    into merged: UnsafeMutablePointer<Float>
  ) {
    precondition(modelCount > 0, "there is something to merge")
    // Safety: the caller guarantees `count` numbers for each model and for the result.
    unsafe functions.pointee.merge_mean(deltas, modelCount, count, merged)
  }
}
