internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

extension TensorPlan {
  /// What the system may read ahead in front of a file.
  private static let readAheadByteCount = 8 << 20

  /// Keeps the system from reading ahead where a memory group has no room for that in front of each
  /// file that a lane reads.
  package func limitReadAhead() {
    guard let limit = ControlGroup.memoryLimit else { return }
    let streams = memory.lanes * (modelCount + 1)
    guard limit - options.memory.bytes < streams * TensorPlan.readAheadByteCount else { return }
    for file in files { file.readNothingAhead() }
  }
}
