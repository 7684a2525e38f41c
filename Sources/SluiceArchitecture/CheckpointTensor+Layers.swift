internal import SluiceCore
package import SluiceFormats

extension CheckpointTensor {
  /// What is known of it before it is read.
  package var description: TensorDescription {
    TensorDescription(name, entry.shape, entry.dtype)
  }

  /// A layer of a stack, as a tensor of its own.
  func layer(_ index: Int, of stack: ExpertStack) -> CheckpointTensor? {
    let (shape, name) = (stack.layerShape, stack.layerName(index))
    if let packed = entry.packed {
      let perMatrix = stack.layerCount / stack.expertCount
      let (matrix, own) = index.quotientAndRemainder(dividingBy: perMatrix)
      let rows = packed.rowCount / perMatrix
      guard let part = packed.part(matrix: matrix, rows: own * rows..<(own + 1) * rows) else {
        return nil
      }
      return CheckpointTensor(
        entry: TensorEntry(
          name: name, dtype: entry.dtype, shape: shape, byteRange: entry.byteRange, packed: part),
        fileOrdinal: fileOrdinal)
    }
    guard let byteCount = entry.dtype.byteCount(ofElements: shape.elementCount) else { return nil }
    if let view = entry.view, let width = entry.dtype.byteCount {
      let columns = shape.dimensions.last ?? 1
      return strided(
        view, shape, name, first: index * shape.elementCount,
        rows: (shape.elementCount / max(columns, 1), columns), columns: (columns, 1), width: width)
    }
    let start = entry.byteRange.lowerBound + index * byteCount
    return CheckpointTensor(
      entry: TensorEntry(
        name: name, dtype: entry.dtype, shape: shape, byteRange: start..<(start + byteCount)),
      fileOrdinal: fileOrdinal)
  }

  /// A layer of a tensor whose matrices lie as inputs x outputs, as outputs x inputs.
  func layer(
    _ index: Int, of count: Int, _ layout: MatrixLayout, named name: String,
    _ whole: TensorShape? = nil
  ) -> CheckpointTensor? {
    guard let rowLength = entry.shape.dimensions.last,
      let place = layout.place(
        of: index, count: count, elementCount: entry.shape.elementCount, rowLength: rowLength),
      let shape = whole ?? TensorShape([place.rowCount, place.columnCount])
    else { return nil }
    if let packed = entry.packed {
      let own = layout.layersPerMatrix
      let rows =
        layout == .interleaved
        ? index % own : index % own * place.rowCount
      guard
        let part = packed.outputs(
          matrix: index / own, first: rows, count: place.rowCount, step: place.rowStep)
      else { return nil }
      return CheckpointTensor(
        entry: TensorEntry(
          name: name, dtype: entry.dtype, shape: shape, byteRange: entry.byteRange, packed: part),
        fileOrdinal: fileOrdinal)
    }
    guard let width = entry.dtype.byteCount else { return nil }
    return strided(
      entry.view, shape, name, first: place.first, rows: (place.rowCount, place.rowStep),
      columns: (place.columnCount, place.columnStep), width: width)
  }

  /// A layer whose elements do not lie one after the other.
  private func strided(
    _ view: StridedView?, _ shape: TensorShape, _ name: String, first: Int,
    rows: (count: Int, step: Int), columns: (count: Int, step: Int), width: Int
  ) -> CheckpointTensor {
    func offset(_ element: Int) -> Int { view?.offset(of: element) ?? element }
    let start = offset(first)
    let strides = [
      rows.count > 1 ? offset(first + rows.step) - start : 1,
      columns.count > 1 ? offset(first + columns.step) - start : 1,
    ]
    let span = (rows.count - 1) * strides[0] + (columns.count - 1) * strides[1] + 1
    let begin = entry.byteRange.lowerBound + start * width
    let matrix = TensorShape([rows.count, columns.count])
    return CheckpointTensor(
      entry: TensorEntry(
        name: name, dtype: entry.dtype, shape: shape, byteRange: begin..<(begin + span * width),
        view: matrix.flatMap { StridedView($0, strides: strides) }), fileOrdinal: fileOrdinal)
  }
}
