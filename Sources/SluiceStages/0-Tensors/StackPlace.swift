package import SluiceArchitecture
package import SluiceCore
internal import SluiceFormats

/// The tensor of the output that a layer is a part of.
package struct StackPlace: Sendable, Hashable {
  /// The tensor's name.
  package let tensor: String
  /// The position of the layer in it.
  package let index: Int
  /// How many layers it holds, all of one length.
  package let count: Int
  /// Its shape.
  package let shape: TensorShape
  /// How its layers lie in it, where they are no pieces of it.
  package let layout: MatrixLayout?

  /// Describes a place.
  package init(
    tensor: String, index: Int, count: Int, shape: TensorShape, layout: MatrixLayout? = nil
  ) {
    self.tensor = tensor
    self.index = index
    self.count = count
    self.shape = shape
    self.layout = layout
  }

  /// Where the layer's elements lie, if they do not lie together.
  private var place: LayerPlace? {
    layout?.place(
      of: index, count: count, elementCount: shape.elementCount,
      rowLength: shape.dimensions.last ?? 0)
  }

  /// The position of the layer's first element in the tensor.
  package var firstElement: Int { place?.first ?? index * (shape.elementCount / max(count, 1)) }

  /// Which outputs of which matrix make the layer.
  package struct Outputs: Sendable, Hashable {
    /// The position of the matrix.
    package let matrix: Int
    /// The first output.
    package let first: Int
    /// How many there are.
    package let count: Int
    /// From one to the next.
    package let step: Int
  }

  /// The outputs that make the layer; nil where it is a piece of the tensor.
  package var outputs: Outputs? {
    guard let layout, let place else { return nil }
    let matrix = index / layout.layersPerMatrix
    return Outputs(
      matrix: matrix,
      first: place.first - matrix * layout.layersPerMatrix * place.rowCount * place.columnCount,
      count: place.rowCount, step: place.rowStep)
  }

  /// How the layer's elements lie from there on; nil where they are one after the other.
  var view: StridedView? { place?.view }
}
