internal import SluiceCore

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
    // Safety: freed once, after the last use.
    defer { unsafe scratch.deallocate() }
    if view.isTransposed {
      try unsafe readTransposed(elements, into: target, scratch)
    } else {
      try unsafe readLines(elements, into: target, scratch)
    }
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
        view.scaleColumns * view.scaleCode.byteCount * 2 <= PackedReader.scaleBytes
      {
        let row = line % view.rowCount
        tile.lines = min(
          left / columns, PackedReader.codeBytes / view.lineByteCount, view.rowCount - row,
          (PackedReader.scaleBytes / (view.scaleColumns * view.scaleCode.byteCount) - 1)
            * view.blockRows)
        tile.columns = 0..<columns
      } else {
        tile.columns = column..<min(columns, column + left, tile.pieceEnd(from: column))
      }
      // Safety: the tile holds no more codes than were asked for from here on.
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
        // Safety: the run holds `columnCount` rows of the tensor from here on.
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
    // Safety: a tile is cut so that its codes and scales fit their parts of the buffer.
    try unsafe files[view.codes.file].read(
      into: UnsafeMutableRawBufferPointer(rebasing: scratch[0..<codes.count]), at: codeStart)
    let width = view.scaleCode.byteCount
    let scaleLine = matrix * view.scaleRows + row / view.blockRows
    let scaleStart =
      view.scales.start + (scaleLine * view.scaleColumns + tile.scaleColumns.lowerBound) * width
    let begin = PackedReader.codeBytes
    try unsafe files[view.scales.file].read(
      into: UnsafeMutableRawBufferPointer(
        rebasing: scratch[begin..<(begin + tile.scaleCount * width)]), at: scaleStart)
    tile.scaleOffset = begin
  }
}

/// Some lines of codes, or a piece of one, in a scratch buffer.
struct PackedTile {
  private let view: PackedView
  /// How many lines; more than one only where each is whole.
  var lines = 1
  var columns = 0..<0
  /// The row of the first line in its matrix.
  var firstRow = 0
  /// Where the scales begin in the buffer.
  var scaleOffset = 0

  init(_ view: PackedView) { self.view = view }

  /// Where a piece of a line that begins at a column ends at the latest: the scratch buffer holds it.
  func pieceEnd(from column: Int) -> Int {
    let longest = min(1 << 15, max(1, (1 << 14) * view.blockColumns))
    return min(view.columnCount, (column + longest) / 2 * 2)
  }

  /// The bytes of the codes from the beginning of the first line on.
  var codeRange: Range<Int> {
    if lines > 1 { return 0..<lines * view.lineByteCount }
    let bits = view.code.bitCount
    return (columns.lowerBound * bits / 8)..<((columns.upperBound * bits + 7) / 8)
  }

  var scaleColumns: Range<Int> {
    (columns.lowerBound / view.blockColumns)..<((columns.upperBound - 1) / view.blockColumns + 1)
  }

  private var scaleLines: Int {
    (firstRow + lines - 1) / view.blockRows - firstRow / view.blockRows + 1
  }

  var scaleCount: Int { scaleLines * scaleColumns.count }

  /// Turns codes into numbers.
  ///
  /// - Parameters:
  ///   - scratch: Codes and scales.
  ///   - target: Where the first number goes.
  ///   - lineDistance: From a number to that of the next line.
  ///   - columnDistance: From a number to that of the next column.
  func decode(
    _ scratch: UnsafeMutableRawBufferPointer, into target: UnsafeMutablePointer<Float>,
    lineDistance: Int, columnDistance: Int
  ) {
    let table = PackedCodes.table(of: view.code)
    let skipped = lines > 1 ? 0 : columns.lowerBound * view.code.bitCount / 8
    // Safety: every position below is one of a code or scale that was read, and the caller's target
    // has room for the number of each code.
    unsafe table.withUnsafeBufferPointer { numbers in
      for line in 0..<lines {
        let blockLine = (firstRow + line) / view.blockRows - firstRow / view.blockRows
        let codes = line * view.lineByteCount - skipped
        var column = columns.lowerBound
        while column < columns.upperBound {
          let block = column / view.blockColumns
          let end = min(columns.upperBound, (block + 1) * view.blockColumns)
          let index = blockLine * scaleColumns.count + block - scaleColumns.lowerBound
          let scale = unsafe self.scale(scratch, index)
          var out =
            unsafe target + line * lineDistance
            + (column - columns.lowerBound) * columnDistance
          if view.code == .e4m3 {
            for at in column..<end {
              unsafe out.pointee = unsafe numbers[Int(scratch[codes + at])] * scale
              unsafe out += columnDistance
            }
          } else {
            for at in column..<end {
              let byte = unsafe Int(scratch[codes + at >> 1])
              let code = at & 1 == 0 ? byte & 15 : byte >> 4
              unsafe out.pointee = unsafe numbers[code] * scale
              unsafe out += columnDistance
            }
          }
          column = end
        }
      }
    }
  }

  private func scale(_ scratch: UnsafeMutableRawBufferPointer, _ index: Int) -> Float {
    let at = scaleOffset + index * view.scaleCode.byteCount
    // Safety: the caller's index is one of a scale that was read.
    let value: Float =
      switch view.scaleCode {
      case .f32:
        unsafe Float(bitPattern: scratch.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      case .f16: unsafe Float(scratch.loadUnaligned(fromByteOffset: at, as: Float16.self))
      case .bf16:
        unsafe Float(
          bitPattern: UInt32(scratch.loadUnaligned(fromByteOffset: at, as: UInt16.self)) << 16)
      case .e4m3: unsafe PackedCodes.e4m3[Int(scratch[at])]
      case .e8m0: unsafe PackedCodes.e8m0[Int(scratch[at])]
      }
    return view.divisor == 1 ? value : value / view.divisor
  }
}
