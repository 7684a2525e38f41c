package import SluiceCore
package import SluiceFormats

/// A tensor of the base, as far as an adapter must know it.
package struct BaseTensor: Sendable, Hashable {
  /// The shape.
  package let shape: TensorShape
  /// The type of the elements.
  package let dtype: DType
  /// Whether a checkpoint has it as inputs x outputs; the shape is outputs x inputs nevertheless.
  package let isTurned: Bool

  /// Describes a tensor.
  ///
  /// - Parameters:
  ///   - shape: The shape.
  ///   - dtype: The type of the elements.
  ///   - isTurned: Whether a checkpoint has it as inputs x outputs.
  package init(shape: TensorShape, dtype: DType, isTurned: Bool = false) {
    self.shape = shape
    self.dtype = dtype
    self.isTurned = isTurned
  }
}

/// What an adapter does to the tensors of a base.
package struct AdapterMatch: Sendable {
  /// What is added, by the base's names.
  package var terms: [String: [DeltaTerm]] = [:]
  /// The tensors that take the place of the base's, under the base's names.
  package var saved: [TensorEntry] = []
  /// Whether stacked experts were unpacked, so that the packing mattered.
  package var usesPacking = false

  /// The tensors of the base that the adapter has something for.
  package var tensorNames: Set<String> { Set(terms.keys).union(saved.map(\.name)) }
}
