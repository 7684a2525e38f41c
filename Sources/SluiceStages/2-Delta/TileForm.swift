package import SluiceCore

/// What is made of the elements of a tile before stages act on them.
package enum TileForm: Sendable, Hashable {
  /// The exact weights of the base, and of each model its difference from them, rounded to Float32.
  case differences
  /// All weights rounded to a working type, and of each model its difference from the base's, rounded to
  /// that type.
  case roundedDifferences(WorkingType)
  /// All weights rounded to a working type: the models' stand where their deltas would.
  case weights(WorkingType)

  /// The type that all is rounded to; nil where nothing is.
  package var working: WorkingType? {
    switch self {
    case .differences: nil
    case .roundedDifferences(let type), .weights(let type): type
    }
  }
}

/// The type that arithmetic is done in: every operation is done in Float32 and rounded to it.
package enum WorkingType: Sendable, Hashable {
  /// The same for all tensors.
  case fixed(DType)
  /// For each tensor the smallest type that holds those of all its inputs.
  case promoted

  /// The type of a tensor: F32, F16 or BF16.
  package func dtype(of task: TensorTask) -> DType {
    switch self {
    case .fixed(let dtype): return dtype
    case .promoted:
      return WorkingType.promoted(([task.base] + task.fineTuned).compactMap { $0?.storedDType })
    }
  }

  /// The smallest type that holds several.
  ///
  /// F16 and BF16 together make F32; F64 is computed with as F32.
  ///
  /// - Parameter dtypes: The types, at least one.
  /// - Returns: F32, F16 or BF16.
  package static func promoted(_ dtypes: [DType]) -> DType {
    guard let first = dtypes.first, first == .f16 || first == .bf16 else { return .f32 }
    return dtypes.allSatisfy { $0 == first } ? first : .f32
  }
}
