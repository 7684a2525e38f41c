package import SluiceCore

/// How weights lie in a file that are kept as small codes with scales of their own: what turns them
/// back into numbers.
///
/// Formula: the number of a code times the scale of its block, in Float32, rounded once; the scale of
/// NVFP4 is first divided by the scale of the tensor, rounded once.
/// Sources: the dequantisation of transformers (`fp8`, `mxfp4`) and of compressed-tensors
/// (`float-quantized`, `pack-quantized`, `nvfp4-pack-quantized`), with which
/// `bench/inputs/check_packed.py` compares it bit for bit.
///
/// A class, since few tensors have one and all have room for it.
package final class PackedView: Sendable {
  /// What a code stands for.
  package typealias Code = PackedCode

  /// What a scale is kept as.
  package enum ScaleCode: String, Sendable, Hashable {
    case f32, f16, bf16, e4m3
    /// One byte, the exponent of a power of two plus 127.
    case e8m0

    /// The bytes of a scale.
    package var byteCount: Int {
      switch self {
      case .f32: 4
      case .f16, .bf16: 2
      case .e4m3, .e8m0: 1
      }
    }

    /// The code of scales of a type.
    package init?(_ dtype: DType) {
      switch dtype {
      case .f32: self = .f32
      case .f16: self = .f16
      case .bf16: self = .bf16
      case .f8e4m3: self = .e4m3
      case .u8, .f8e8m0: self = .e8m0
      default: return nil
      }
    }
  }

  /// Where bytes lie.
  package struct Place: Sendable, Hashable {
    /// The file, as a position in the list of files of the checkpoint or of the run.
    package var file: Int
    /// The first byte.
    package var start: Int

    /// Describes a place.
    package init(file: Int, start: Int) {
      self.file = file
      self.start = start
    }
  }

  /// What a code stands for.
  package let code: Code
  /// The number of matrices; 1 unless it is a stack.
  package let matrixCount: Int
  /// The outputs of a matrix: the lines in which codes lie.
  package let rowCount: Int
  /// The inputs: the codes of a line.
  package let columnCount: Int
  /// Where the codes lie.
  package let codes: Place
  /// The bytes from one line of codes to the next.
  package let lineByteCount: Int
  /// From one line of scales to the next, in lines: 2 where the lines of two layers take turns.
  package let scaleLineStep: Int
  /// Where the scales lie, line after line of blocks.
  package let scales: Place
  /// What a scale is kept as.
  package let scaleCode: ScaleCode
  /// How many rows share a scale.
  package let blockRows: Int
  /// How many columns share a scale.
  package let blockColumns: Int
  /// What scales are divided by; 1 where there is no scale of the tensor.
  package let divisor: Float
  /// Whether the tensor has inputs x outputs where codes lie as outputs x inputs.
  package let isTransposed: Bool

  /// Describes packed weights.
  package init(
    _ code: Code, matrixCount: Int = 1, rowCount: Int, columnCount: Int, codes: Place,
    lineByteCount: Int? = nil, scales: Place, scaleCode: ScaleCode, blockRows: Int,
    blockColumns: Int, divisor: Float = 1, isTransposed: Bool = false, scaleLineStep: Int = 1
  ) {
    precondition(rowCount > 0 && columnCount > 0 && blockRows > 0 && blockColumns > 0)
    self.code = code
    self.matrixCount = matrixCount
    self.rowCount = rowCount
    self.columnCount = columnCount
    self.codes = codes
    self.lineByteCount = lineByteCount ?? (columnCount * code.bitCount + 7) / 8
    self.scales = scales
    self.scaleCode = scaleCode
    self.blockRows = blockRows
    self.blockColumns = blockColumns
    self.divisor = divisor
    self.isTransposed = isTransposed
    self.scaleLineStep = scaleLineStep
  }

  /// The scales of a line of blocks.
  package var scaleColumns: Int { (columnCount + blockColumns - 1) / blockColumns }
  /// The lines of blocks of a matrix.
  package var scaleRows: Int { (rowCount + blockRows - 1) / blockRows }
  /// The bytes of all codes.
  package var codeByteCount: Int { matrixCount * rowCount * lineByteCount }

  /// The bytes that are read for so many elements, as far as codes and scales share them evenly.
  package func byteCount(ofElements count: Int) -> Int {
    let scales = scaleCode.byteCount * 8
    let block = blockRows * blockColumns
    return (count * code.bitCount + count / block * scales + 7) / 8
  }

  /// The bytes of the codes of a line.
  package var lineCodeByteCount: Int { (columnCount * code.bitCount + 7) / 8 }

  /// The same with files counted from another place.
  ///
  /// - Parameter firstFile: The position of the checkpoint's first file in the run's list.
  /// - Returns: The view.
  package func shifted(by firstFile: Int) -> PackedView {
    func moved(_ place: Place) -> Place {
      Place(file: place.file + firstFile, start: place.start)
    }
    return PackedView(
      code, matrixCount: matrixCount, rowCount: rowCount, columnCount: columnCount,
      codes: moved(codes), lineByteCount: lineByteCount, scales: moved(scales),
      scaleCode: scaleCode, blockRows: blockRows, blockColumns: blockColumns, divisor: divisor,
      isTransposed: isTransposed, scaleLineStep: scaleLineStep)
  }

  /// One matrix of a stack, or some of its rows.
  ///
  /// - Parameters:
  ///   - matrix: The position of the matrix.
  ///   - rows: Which of its rows, beginning with those of a block of scales.
  /// - Returns: The view; nil where rows would cut a block of scales or the stack is transposed.
  package func part(matrix: Int, rows: Range<Int>) -> PackedView? {
    guard !isTransposed || rows.count == rowCount, rows.lowerBound % blockRows == 0 else {
      return nil
    }
    let line = matrix * rowCount + rows.lowerBound
    let scaleLine = matrix * scaleRows + rows.lowerBound / blockRows
    return PackedView(
      code, rowCount: rows.count, columnCount: columnCount,
      codes: Place(file: codes.file, start: codes.start + line * lineByteCount),
      lineByteCount: lineByteCount,
      scales: Place(
        file: scales.file, start: scales.start + scaleLine * scaleColumns * scaleCode.byteCount),
      scaleCode: scaleCode, blockRows: min(blockRows, rows.count), blockColumns: blockColumns,
      divisor: divisor, isTransposed: isTransposed)
  }

  /// Some outputs of one matrix of a stack, as outputs x inputs: as their codes lie.
  ///
  /// - Parameters:
  ///   - matrix: The position of the matrix.
  ///   - first: The first output.
  ///   - count: How many.
  ///   - step: From one to the next.
  /// - Returns: The view; nil where the stack is not transposed, or outputs share scales.
  package func outputs(matrix: Int, first: Int, count: Int, step: Int) -> PackedView? {
    guard isTransposed, blockRows == 1, scaleLineStep == 1, count > 0,
      first + (count - 1) * step < rowCount
    else { return nil }
    let line = matrix * rowCount + first
    return PackedView(
      code, rowCount: count, columnCount: columnCount,
      codes: Place(file: codes.file, start: codes.start + line * lineByteCount),
      lineByteCount: lineByteCount * step,
      scales: Place(
        file: scales.file, start: scales.start + line * scaleColumns * scaleCode.byteCount),
      scaleCode: scaleCode, blockRows: 1, blockColumns: blockColumns, divisor: divisor,
      scaleLineStep: step)
  }
}

extension PackedView: Hashable {
  package static func == (a: PackedView, b: PackedView) -> Bool {
    a === b
      || (a.code, a.matrixCount, a.rowCount, a.columnCount, a.codes, a.lineByteCount)
        == (b.code, b.matrixCount, b.rowCount, b.columnCount, b.codes, b.lineByteCount)
        && (a.scales, a.scaleCode, a.blockRows, a.blockColumns, a.divisor)
          == (b.scales, b.scaleCode, b.blockRows, b.blockColumns, b.divisor)
        && (a.isTransposed, a.scaleLineStep) == (b.isTransposed, b.scaleLineStep)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(codes)
    hasher.combine(rowCount)
    hasher.combine(columnCount)
  }
}
