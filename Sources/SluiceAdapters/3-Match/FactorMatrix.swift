internal import SluiceCore
internal import SluiceFormats

/// A matrix inside a tensor of an adapter: a factor, its transpose, or an expert's part of it.
package struct FactorMatrix: Sendable, Hashable {
  /// The tensor's name in its file, for messages.
  let tensor: String
  let dtype: DType
  /// Where the first element of the tensor lies, in bytes from the start of the file.
  let start: Int
  /// How far the matrix begins behind it, and how far its neighbours lie apart, in elements.
  var offset = 0
  var rowStride: Int
  var columnStride: Int
  /// How far the same matrix of the next expert lies behind this.
  var expertStride = 0
  var rowCount: Int
  var columnCount: Int

  /// All of a tensor; dimensions of 1 behind the second do not count.
  ///
  /// - Returns: Nil if it is no matrix.
  init?(matrix entry: TensorEntry) {
    var dimensions = entry.shape.dimensions
    while dimensions.count > 2, dimensions.last == 1 { dimensions.removeLast() }
    guard dimensions.count == 2 else { return nil }
    tensor = entry.name
    dtype = entry.dtype
    start = entry.byteRange.lowerBound
    (rowCount, columnCount) = (dimensions[0], dimensions[1])
    (rowStride, columnStride) = (columnCount, 1)
    guard let view = entry.view else { return }
    // Dimensions of 1 have no distance, and neighbours that join are one.
    switch (rowCount > 1, columnCount > 1, view.extents.count) {
    case (true, true, 2): (rowStride, columnStride) = (view.strides[0], view.strides[1])
    case (true, false, 1): (rowStride, columnStride) = (view.strides[0], 0)
    case (_, _, 1): (rowStride, columnStride) = (view.strides[0] * columnCount, view.strides[0])
    default: return nil
    }
  }

  /// All of a tensor as one row, where it has one dimension that is more than 1.
  ///
  /// - Returns: Nil if it has several.
  init?(vector entry: TensorEntry) {
    guard entry.shape.dimensions.filter({ $0 > 1 }).count <= 1,
      (entry.view?.extents.count ?? 1) == 1
    else { return nil }
    tensor = entry.name
    dtype = entry.dtype
    start = entry.byteRange.lowerBound
    (rowCount, columnCount) = (1, entry.shape.elementCount)
    (rowStride, columnStride) = (0, entry.view?.strides[0] ?? 1)
  }

  /// The same elements with rows and columns exchanged.
  var transposed: FactorMatrix {
    var other = self
    swap(&other.rowStride, &other.columnStride)
    swap(&other.rowCount, &other.columnCount)
    return other
  }

  /// Some of the rows.
  func rows(_ range: Range<Int>) -> FactorMatrix {
    var other = self
    other.offset += range.lowerBound * rowStride
    other.rowCount = range.count
    return other
  }
}
