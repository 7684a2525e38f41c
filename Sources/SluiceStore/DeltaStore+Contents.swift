package import SluiceCore
internal import SluiceFormats
internal import SluiceStages

/// What a store says of one of its tensors.
package struct StoredTensorSummary: Sendable {
  /// The tensor's name.
  package let name: String
  /// The type that it has in the model.
  package let dtype: DType
  /// The shape that it has in the model.
  package let shape: TensorShape
  /// Whether every element is there, whatever it is.
  package let isWhole: Bool
  /// The lowest pruning rate that its frames serve.
  package let lowestRate: Double
  /// The number of deltas that are exactly zero, of a linear layer.
  package let zeroCount: Int
  /// The mean of |delta|, of a linear layer.
  package let mean: Double
  /// The share of |delta| far above the mean, of a linear layer.
  package let significance: Double
  /// The bytes of its frames.
  package let byteCount: Int
}

extension DeltaStore {
  /// The length of the store's file.
  package var byteCount: Int { file.byteCount }

  /// Lists the tensors.
  ///
  /// - Parameter checksFrames: Whether every frame is read and compared with its hash.
  /// - Returns: One line for each tensor, in natural order of their names.
  /// - Throws: If something is damaged: with its place.
  package func contents(checksFrames: Bool = false) throws -> [StoredTensorSummary] {
    try names.compactMap { name in
      guard let tensor = try tensor(name) else { return nil }
      if checksFrames {
        for (index, strip) in tensor.strips.enumerated() {
          try PackedStrip(
            file: file, owner: DeltaStore.owner(name), table: strip.table, checksBase: true
          ).checkFrames(firstElement: index * Granularity.standardStripElements, tensor: name)
        }
      }
      return StoredTensorSummary(
        name: name, dtype: tensor.dtype, shape: tensor.shape, isWhole: tensor.extent == .whole,
        lowestRate: tensor.lowestRate, zeroCount: tensor.zeroCount, mean: tensor.mean,
        significance: tensor.significance,
        byteCount: tensor.strips.reduce(0) { $0 + $1.table.byteCount })
    }
  }
}
