internal import SluiceFormats
package import SluiceKernels
internal import SluiceMethods
package import SluiceStages

/// What a run reads in the place of its models' files: stores, and what its first pass kept of others.
package struct PackedModels: PackedSource {
  package let stored: StoredModels
  package var spilled: SpilledModels?

  package init(
    stored: StoredModels, spilled: SpilledModels? = nil
  ) {
    self.stored = stored
    self.spilled = spilled
  }

  package func packed(_ strip: Strip, model: Int) throws -> PackedStrip? {
    if stored.isStored(model) { return try stored.packed(strip, model: model) }
    return try spilled?.packed(strip, model: model)
  }
}

/// What a run reads in the place of its models' files: what its first pass kept of them, wherever that
/// is all that the cuts can need.
package struct SpilledModels: PackedSource {
  package let store: SpillStore
  /// Whether frames with a floor serve a tensor of a model.
  let serves: @Sendable (TensorTask, Int, UInt32) -> Bool

  package init(
    store: SpillStore, serves: @escaping @Sendable (TensorTask, Int, UInt32) -> Bool
  ) {
    self.store = store
    self.serves = serves
  }

  package func packed(_ strip: Strip, model: Int) throws -> PackedStrip? {
    guard let packed = try store.packed(strip, model: model),
      serves(strip.task, model, packed.table.minimumMagnitudeBits)
    else { return nil }
    return packed
  }
}

extension TensorPlan {
  /// What of the models is read from frames before anything is spilled.
  package func packedReading(_ kernels: Kernels) -> ReadStage.PackedReading {
    stored.isEmpty ? .none : .unpacked(PackedModels(stored: stored, spilled: nil), kernels)
  }
}

extension CutTable {
  /// Whether frames with a floor hold all that the cuts of a layer keep.
  package func containsCuts(_ task: TensorTask, _ model: Int, floor: UInt32) -> Bool {
    guard floor > 1 else { return true }
    guard let outermost = last(task.ordinal, model: model) else { return false }
    return floor <= outermost.thresholdBits
  }
}
