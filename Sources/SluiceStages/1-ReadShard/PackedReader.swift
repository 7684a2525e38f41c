package import SluiceFormats

/// Reads elements of packed weights as Float32, tile by tile in bounded memory.
///
/// A tile is some whole lines of codes with the scales of their blocks, or a piece of one long line.
/// Scales may lie in another file. Where the tensor is transposed, a run of its elements is read from
/// all lines that it crosses.
package struct PackedReader {
  /// The bytes that reading takes beside its target.
  package static let scratchByteCount = codeBytes + scaleBytes
  private static let codeBytes = 1 << 17
  private static let scaleBytes = 1 << 17

  private let files: [InputFile]
  private let view: PackedView

  /// Prepares to read.
  ///
  /// - Parameters:
  ///   - files: The files, by the positions that the view knows.
  ///   - view: How the weights lie.
  package init(_ files: [InputFile], _ view: PackedView) {
    self.files = files
    self.view = view
  }

  /// Reads a run of elements.
  ///
  /// - Parameters:
  ///   - elements: Their positions in the tensor, not beyond its end.
  ///   - target: Receives as many numbers.
  /// - Throws: If a read fails.
  package func read(
    _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    guard !elements.isEmpty else { return }
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: PackedReader.scratchByteCount, alignment: 64)
    // SAFETY: freed once, after the last use.
    defer { unsafe scratch.deallocate() }
    if view.isTransposed {
      try unsafe readTransposed(elements, into: target, scratch)
    } else {
      try unsafe readLines(elements, into: target, scratch)
    }
  }

  /// The bytes from one line of scales to the next.
  private var scaleLineByteCount: Int {
    view.scaleColumns * view.scaleLineStep * view.scaleCode.byteCount
  }

  private func readLines(
    _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    let columns = view.columnCount
    var position = elements.lowerBound
    while position < elements.upperBound {
      let (line, column) = position.quotientAndRemainder(dividingBy: columns)
      var tile = PackedTile(view)
      let left = elements.upperBound - position
      if column == 0, left >= columns, view.lineByteCount <= PackedReader.codeBytes,
        scaleLineByteCount * 2 <= PackedReader.scaleBytes
      {
        let row = line % view.rowCount
        tile.lines = min(
          left / columns, PackedReader.codeBytes / view.lineByteCount, view.rowCount - row,
          (PackedReader.scaleBytes / scaleLineByteCount - 1) * view.blockRows)
        tile.columns = 0..<columns
      } else {
        tile.columns = column..<min(columns, column + left, tile.pieceEnd(from: column))
      }
      // SAFETY: the tile holds no more codes than were asked for from here on.
      try unsafe load(&tile, line: line, scratch)
      unsafe tile.decode(
        scratch, into: target + (position - elements.lowerBound), lineDistance: columns,
        columnDistance: 1)
      position += tile.lines * tile.columns.count
    }
  }

  /// Reads elements of the transpose: columns of codes are rows of the tensor.
  private func readTransposed(
    _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    let (rows, columns) = (view.rowCount, view.columnCount)
    var position = elements.lowerBound
    while position < elements.upperBound {
      let (matrix, inside) = position.quotientAndRemainder(dividingBy: rows * columns)
      let (column, row) = inside.quotientAndRemainder(dividingBy: rows)
      let left = elements.upperBound - position
      // Whole rows of the tensor together, or a piece of one.
      let isWhole = row == 0 && left >= rows
      let columnCount =
        isWhole
        ? min(left / rows, columns - column, PackedTile(view).pieceEnd(from: column) - column) : 1
      let lines = isWhole ? 0..<rows : row..<min(rows, row + left)
      for line in lines {
        var tile = PackedTile(view)
        tile.columns = column..<(column + columnCount)
        try unsafe load(&tile, line: matrix * rows + line, scratch)
        // SAFETY: the run holds `columnCount` rows of the tensor from here on.
        unsafe tile.decode(
          scratch, into: target + (position - elements.lowerBound) + (line - lines.lowerBound),
          lineDistance: 1, columnDistance: rows)
      }
      position += isWhole ? columnCount * rows : lines.count
    }
  }

  /// Reads the codes and scales of a tile into the scratch buffer.
  private func load(
    _ tile: inout PackedTile, line: Int, _ scratch: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    let (matrix, row) = line.quotientAndRemainder(dividingBy: view.rowCount)
    tile.firstRow = row
    let codes = tile.codeRange
    let codeStart = view.codes.start + line * view.lineByteCount + codes.lowerBound
    // SAFETY: a tile is cut so that its codes and scales fit their parts of the buffer.
    try unsafe files[view.codes.file].read(
      into: UnsafeMutableRawBufferPointer(rebasing: scratch[0..<codes.count]), at: codeStart)
    let width = view.scaleCode.byteCount
    let scaleLine = (matrix * view.scaleRows + row / view.blockRows) * view.scaleLineStep
    let scaleStart =
      view.scales.start + (scaleLine * view.scaleColumns + tile.scaleColumns.lowerBound) * width
    let begin = PackedReader.codeBytes
    try unsafe files[view.scales.file].read(
      into: UnsafeMutableRawBufferPointer(
        rebasing: scratch[begin..<(begin + tile.scaleCount * width)]), at: scaleStart)
    tile.scaleOffset = begin
  }
}
