internal import SluiceCore
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe

extension RunOptions {
  /// The kernels of the vector units that were asked for.
  ///
  /// - Returns: The kernels.
  /// - Throws: `PipelineError` if the processor has not got these units.
  func kernels() throws(PipelineError) -> Kernels {
    guard let kernels = Kernels(level: vectorLevel) else {
      throw .usage(
        "this processor has no \(vectorLevel.name)",
        remedy: "The best level here is --vector-level \(VectorLevel.best.name).")
    }
    return kernels
  }
}
