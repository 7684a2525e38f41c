public import SluiceCore
internal import SluiceFormats
internal import SluiceStages

/// What a store says of one of its tensors.
public struct StoredTensorSummary: Sendable {
  /// The tensor's name.
  public let name: String
  /// The type that it has in the model.
  public let dtype: DType
  /// The shape that it has in the model.
  public let shape: TensorShape
  /// Whether every element is there, whatever it is.
  public let isWhole: Bool
  /// The lowest pruning rate that its frames serve.
  public let lowestRate: Double
  /// The number of deltas that are exactly zero, of a linear layer.
  public let zeroCount: Int
  /// The mean of |delta|, of a linear layer.
  public let mean: Double
  /// The share of |delta| far above the mean, of a linear layer.
  public let significance: Double
  /// The bytes of its frames.
  public let byteCount: Int
}

extension DeltaStore {
  /// The length of the store's file.
  public var byteCount: Int { file.byteCount }

  /// Lists the tensors.
  ///
  /// - Parameter checksFrames: Whether every frame is read and compared with its hash.
  /// - Returns: One line for each tensor, in natural order of their names.
  /// - Throws: If something is damaged: with its place.
  public func contents(checksFrames: Bool = false) throws -> [StoredTensorSummary] {
    try names.compactMap { name in
      guard let tensor = try tensor(name) else { return nil }
      if checksFrames {
        for (index, strip) in tensor.strips.enumerated() {
          try PackedStrip(
            file: file, owner: DeltaStore.owner(name), table: strip.table, checksBase: true
          ).checkFrames(firstElement: index << 25, tensor: name)
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
