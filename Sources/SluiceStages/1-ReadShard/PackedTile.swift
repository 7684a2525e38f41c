internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels

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
    // What lies after the last line may be beyond the end of the file.
    if lines > 1 { return 0..<(lines - 1) * view.lineByteCount + view.lineCodeByteCount }
    let bits = view.code.bitCount
    return (columns.lowerBound * bits / 8)..<((columns.upperBound * bits + 7) / 8)
  }

  var scaleColumns: Range<Int> {
    (columns.lowerBound / view.blockColumns)..<((columns.upperBound - 1) / view.blockColumns + 1)
  }

  private var scaleLines: Int {
    (firstRow + lines - 1) / view.blockRows - firstRow / view.blockRows + 1
  }

  /// From a scale to that of the next line of blocks.
  private var scaleLineDistance: Int {
    lines > 1 ? view.scaleColumns * view.scaleLineStep : scaleColumns.count
  }

  /// The scales from the first to the last that the tile needs.
  var scaleCount: Int { (scaleLines - 1) * scaleLineDistance + scaleColumns.count }

  /// How many blocks of scales are turned into numbers together.
  private static let blocksAtOnce = 256
  /// How many numbers are put apart together.
  private static let numbersAtOnce = 256

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
    guard let start = scratch.baseAddress else { return }
    let capacity = PackedTile.blocksAtOnce + PackedTile.numbersAtOnce
    // SAFETY: every position below is one of a code or scale that was read, the caller's target has room
    // for the number of each code, and of the temporary numbers scales take the first part.
    unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: capacity) { temporary in
      guard let scales = temporary.baseAddress else { return }
      let numbers = unsafe scales + PackedTile.blocksAtOnce
      for line in 0..<lines {
        let blockLine = (firstRow + line) / view.blockRows - firstRow / view.blockRows
        let skipped = lines > 1 ? 0 : columns.lowerBound * view.code.bitCount / 8
        let codes = unsafe start + line * view.lineByteCount - skipped
        var column = columns.lowerBound
        while column < columns.upperBound {
          let block = column / view.blockColumns
          var end = min(
            columns.upperBound, (block + PackedTile.blocksAtOnce) * view.blockColumns)
          if columnDistance != 1 { end = min(end, column + PackedTile.numbersAtOnce) }
          let blocks = block...(end - 1) / view.blockColumns
          for (index, block) in blocks.enumerated() {
            unsafe scales[index] = unsafe scale(
              scratch, blockLine * scaleLineDistance + block - scaleColumns.lowerBound)
          }
          let out =
            unsafe target + line * lineDistance
            + (column - columns.lowerBound) * columnDistance
          unsafe Kernels.best.decode(
            codes + column * view.code.bitCount / 8, view.code, first: column,
            count: end - column, scales: scales, block: view.blockColumns,
            into: columnDistance == 1 ? out : numbers)
          if columnDistance != 1 {
            for index in 0..<(end - column) {
              unsafe out[index * columnDistance] = unsafe numbers[index]
            }
          }
          column = end
        }
      }
    }
  }

  private func scale(_ scratch: UnsafeMutableRawBufferPointer, _ index: Int) -> Float {
    let at = scaleOffset + index * view.scaleCode.byteCount
    // SAFETY: the caller's index is one of a scale that was read.
    let value: Float =
      switch view.scaleCode {
      case .f32:
        unsafe Float(bitPattern: scratch.loadUnaligned(fromByteOffset: at, as: UInt32.self))
      case .f16: unsafe Float(scratch.loadUnaligned(fromByteOffset: at, as: Float16.self))
      case .bf16:
        unsafe Float(
          bitPattern: UInt32(scratch.loadUnaligned(fromByteOffset: at, as: UInt16.self)) << 16)
      case .e4m3: unsafe PackedScales.e4m3[Int(scratch[at])]
      case .e8m0: unsafe PackedScales.e8m0[Int(scratch[at])]
      }
    return view.divisor == 1 ? value : value / view.divisor
  }
}
