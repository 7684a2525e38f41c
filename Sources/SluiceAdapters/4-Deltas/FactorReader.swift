internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// Reads parts of factors, and of other weights, as Float32.
final class FactorReader {
  private let kernels: Kernels
  /// 8 bytes for each element, the widest type.
  private let raw = AlignedBuffer<UInt64>(count: FactorRoom.pieceElements, fill: 0)
  /// The bytes read since they were last taken.
  private(set) var byteCount = 0

  init(kernels: Kernels) { self.kernels = kernels }

  /// The bytes read since the last call.
  func takeByteCount() -> Int {
    defer { byteCount = 0 }
    return byteCount
  }

  /// Reads a part of a factor, row by row.
  ///
  /// - Parameters:
  ///   - matrix: The factor.
  ///   - expert: Which of several that follow each other.
  ///   - rows: The rows.
  ///   - columns: The columns; at most as many elements as a piece has.
  ///   - file: The file.
  ///   - target: Receives the elements.
  /// - Throws: `FormatError` if they cannot be read, `AdapterError` if one is not finite.
  func read(
    _ matrix: FactorMatrix, expert: Int, rows: Range<Int>, columns: Range<Int>,
    in file: InputFile, into target: UnsafeMutablePointer<Float>
  ) throws {
    let first =
      matrix.offset + expert * matrix.expertStride + rows.lowerBound * matrix.rowStride
      + columns.lowerBound * matrix.columnStride
    guard let shape = TensorShape([rows.count, columns.count]) else { return }
    let view = StridedView(shape, strides: [matrix.rowStride, matrix.columnStride])
    let width = matrix.dtype.byteCount ?? 4
    try unsafe read(
      shape.elementCount, matrix.dtype, at: matrix.start + first * width, view, in: file,
      into: target)
    if let index = unsafe kernels.firstNonFinite(target, count: shape.elementCount) {
      throw AdapterError.bad(
        "a weight is \(unsafe target[index]); only finite numbers can be merged", file: file.path,
        tensor: matrix.tensor, remedy: "Repair or replace this adapter.")
    }
  }

  /// Reads elements that follow each other.
  ///
  /// - Parameters:
  ///   - count: How many, at most a piece.
  ///   - dtype: Their type.
  ///   - start: Where the first is, in the file or in the view.
  ///   - view: How they lie, if not one behind the other.
  ///   - file: The file.
  ///   - target: Receives them.
  /// - Throws: `FormatError` if they cannot be read.
  private func read(
    _ count: Int, _ dtype: DType, at start: Int, _ view: StridedView?, in file: InputFile,
    into target: UnsafeMutablePointer<Float>
  ) throws {
    precondition(count <= raw.count)
    let width = dtype.byteCount ?? 4
    // SAFETY: the buffer has 8 bytes for each element of a piece.
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: raw.pointer, count: count * width)
    if let view {
      try unsafe file.read(0..<count, of: view, at: start, width: width, into: bytes)
    } else {
      try unsafe file.read(into: bytes, at: start)
    }
    byteCount += bytes.count
    _ = unsafe kernels.widen(UnsafeRawPointer(raw.pointer), dtype, into: target, count: count)
  }

  /// Reads elements of a tensor of the base or of a model.
  ///
  /// - Parameters:
  ///   - elements: Which, at most a piece.
  ///   - source: Where they lie.
  ///   - files: The input files.
  ///   - target: Receives them.
  /// - Throws: `FormatError` if they cannot be read.
  func read(
    _ elements: Range<Int>, of source: TensorSource, in files: [InputFile],
    into target: UnsafeMutablePointer<Float>
  ) throws {
    precondition(elements.count <= raw.count)
    let width = source.dtype.byteCount ?? 4
    guard let view = source.view else {
      return try unsafe read(
        elements.count, source.dtype, at: source.byteRange.lowerBound + elements.lowerBound * width,
        nil, in: files[source.file], into: target)
    }
    // SAFETY: as above.
    let bytes = unsafe UnsafeMutableRawBufferPointer(
      start: raw.pointer, count: elements.count * width)
    try unsafe files[source.file].read(
      elements, of: view, at: source.byteRange.lowerBound, width: width, into: bytes)
    byteCount += bytes.count
    _ = unsafe kernels.widen(
      UnsafeRawPointer(raw.pointer), source.dtype, into: target, count: elements.count)
  }
}
