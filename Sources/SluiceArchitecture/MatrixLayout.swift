internal import SluiceCore
package import SluiceFormats

/// How the layers of a tensor lie in it where a layer, taken as outputs x inputs, is no piece of it.
package enum MatrixLayout: String, Sendable, Hashable, CaseIterable {
  /// Each matrix lies as inputs x outputs: GPT-2's `Conv1D`, `down_proj` of gpt-oss and Llama 4.
  case transposed
  /// The same with two layers in each matrix: the columns of the first, then those of the second.
  case halves = "transposed halves"
  /// The same with columns of the two in turns.
  case interleaved = "transposed interleaved"

  /// The number of layers in a matrix.
  package var layersPerMatrix: Int { self == .transposed ? 1 : 2 }

  /// Where a layer lies.
  ///
  /// - Parameters:
  ///   - index: The position of the layer in the tensor.
  ///   - count: The number of layers in the tensor.
  ///   - elementCount: The number of elements of the tensor.
  ///   - rowLength: The length of the tensor's last dimension.
  /// - Returns: The place; nil where the tensor does not come apart into so many layers.
  package func place(
    of index: Int, count: Int, elementCount: Int, rowLength: Int
  ) -> LayerPlace? {
    let own = layersPerMatrix
    guard count > 0, (0..<count).contains(index), count % own == 0, rowLength > 0,
      rowLength % own == 0, elementCount > 0, elementCount % (count / own) == 0
    else { return nil }
    let matrix = elementCount / (count / own)
    guard matrix % rowLength == 0 else { return nil }
    let (outputs, inputs) = (rowLength / own, matrix / rowLength)
    let start = index / own * matrix
    let first = index % own * (self == .interleaved ? 1 : outputs)
    return LayerPlace(
      first: start + first, rowCount: outputs, columnCount: inputs,
      rowStep: self == .interleaved ? own : 1, columnStep: rowLength)
  }
}

/// Where the elements of a layer lie in its tensor.
package struct LayerPlace: Sendable, Hashable {
  /// The position of the first.
  package let first: Int
  /// The outputs.
  package let rowCount: Int
  /// The inputs.
  package let columnCount: Int
  /// From an element to that of the next output.
  package let rowStep: Int
  /// From an element to that of the next input.
  package let columnStep: Int

  /// The elements as a view that begins at the first; nil where they are one after the other.
  package var view: StridedView? {
    TensorShape([rowCount, columnCount]).flatMap {
      StridedView($0, strides: [rowStep, columnStep])
    }
  }
}
