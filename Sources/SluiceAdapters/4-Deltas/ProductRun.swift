internal import SluiceFormats
internal import SluiceKernels

/// Computes runs of elements of products, in panels of the right factor that stay from run to run as
/// long as there is room for all of them.
final class ProductRun {
  /// What the panels hold.
  private struct Content: Hashable {
    let ordinal: Int
    let term: Int
    let expert: Int
    let columns: Range<Int>
    let ranks: Range<Int>
  }

  private let kernels: Kernels
  private let reader: FactorReader
  private let panels: AlignedBuffer<Float>
  private let left: AlignedBuffer<Float>
  private let wide: AlignedBuffer<Float>
  private var content: Content?

  init(room: FactorRoom, reader: FactorReader, kernels: Kernels) {
    self.kernels = kernels
    self.reader = reader
    panels = AlignedBuffer(count: max(room.panelElements, FactorProduct.panelColumns), fill: 0)
    left = AlignedBuffer(count: FactorRoom.pieceElements, fill: 0)
    wide = AlignedBuffer(count: FactorRoom.pieceElements, fill: 0)
  }

  /// Which factors are multiplied, by the numbers of their tensor and term.
  struct Factors {
    let ordinal: Int
    let term: Int
    let product: DeltaTerm.Product
    let scale: Float
    let isFused: Bool
    let file: InputFile
  }

  /// Computes a run of elements.
  ///
  /// - Parameters:
  ///   - factors: What is multiplied.
  ///   - elements: The elements, as positions in the tensor.
  ///   - target: Receives them.
  /// - Throws: What keeps factors from being read.
  func compute(
    _ factors: Factors, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>
  ) throws {
    let product = factors.product
    let size = product.rowCount * product.columnCount
    var position = elements.lowerBound
    while position < elements.upperBound {
      let expert = position / size
      let end = min((expert + 1) * size, elements.upperBound)
      let part = position - expert * size..<end - expert * size
      // SAFETY: the target holds all elements, and the part begins at its own.
      try unsafe compute(
        factors, expert: expert, part, into: target + (position - elements.lowerBound))
      position = end
    }
  }

  private func compute(
    _ factors: Factors, expert: Int, _ elements: Range<Int>,
    into target: UnsafeMutablePointer<Float>
  ) throws {
    let (rank, width) = (factors.product.rank, factors.product.columnCount)
    let isWhole = FactorProduct.panelElements(rank: rank, columns: width) <= panels.count
    let rankPiece = isWhole ? rank : min(rank, panels.count / FactorProduct.panelColumns)
    let columnPiece =
      isWhole
      ? width : panels.count / rankPiece / FactorProduct.panelColumns * FactorProduct.panelColumns
    let rectangles = Rectangle.covering(elements, width: width)
    for column in stride(from: 0, to: width, by: columnPiece) {
      let columns = column..<min(column + columnPiece, width)
      for first in stride(from: 0, to: rank, by: rankPiece) {
        let ranks = first..<min(first + rankPiece, rank)
        try load(factors, expert, columns, ranks)
        for rectangle in rectangles {
          let common = rectangle.columns.clamped(to: columns)
          guard !common.isEmpty else { continue }
          try unsafe multiply(
            factors, expert, rectangle.rows, common, in: columns, ranks, first: elements.lowerBound,
            into: target)
        }
      }
    }
  }

  private func multiply(
    _ factors: Factors, _ expert: Int, _ rows: Range<Int>, _ columns: Range<Int>,
    in panelColumns: Range<Int>, _ ranks: Range<Int>, first: Int,
    into target: UnsafeMutablePointer<Float>
  ) throws {
    let width = factors.product.columnCount
    // A rank above a piece is refused before: see `AdapterMatcher`.
    let batch = max(1, left.count / ranks.count)
    for row in stride(from: rows.lowerBound, to: rows.upperBound, by: batch) {
      let rows = row..<min(row + batch, rows.upperBound)
      try unsafe reader.read(
        factors.product.left, expert: expert, rows: rows, columns: ranks, in: factors.file,
        into: left.pointer)
      // SAFETY: the target holds the rectangle, which begins behind the run's first element.
      var product = unsafe FactorProduct(
        left: left.pointer, leftStride: ranks.count, panels: panels.pointer, rank: ranks.count,
        rows: rows.count,
        columns: columns.lowerBound - panelColumns.lowerBound..<columns.upperBound
          - panelColumns.lowerBound,
        out: target + (row * width + columns.lowerBound - first), outStride: width)
      product.continues = ranks.lowerBound > 0
      product.scale = ranks.upperBound == factors.product.rank ? factors.scale : nil
      product.isFused = factors.isFused
      kernels.multiply(product)
    }
  }

  /// Fills the panels with a part of a right factor, unless they hold it.
  private func load(
    _ factors: Factors, _ expert: Int, _ columns: Range<Int>, _ ranks: Range<Int>
  ) throws {
    let wanted = Content(
      ordinal: factors.ordinal, term: factors.term, expert: expert, columns: columns, ranks: ranks)
    guard content != wanted else { return }
    content = nil
    let batch = max(1, wide.count / columns.count)
    for row in stride(from: ranks.lowerBound, to: ranks.upperBound, by: batch) {
      let rows = row..<min(row + batch, ranks.upperBound)
      // A row longer than a piece comes in parts.
      for column in stride(from: columns.lowerBound, to: columns.upperBound, by: wide.count) {
        let part = column..<min(column + wide.count, columns.upperBound)
        try unsafe reader.read(
          factors.product.right, expert: expert, rows: rows, columns: part, in: factors.file,
          into: wide.pointer)
        for (position, row) in rows.enumerated() {
          unsafe Kernels.place(
            wide.pointer + position * part.count,
            columns: part.lowerBound - columns.lowerBound..<part.upperBound - columns.lowerBound,
            position: row - ranks.lowerBound, rank: ranks.count, into: panels.pointer)
        }
      }
    }
    content = wanted
  }
}

/// Rows and columns of a matrix.
struct Rectangle: Hashable {
  let rows: Range<Int>
  let columns: Range<Int>

  /// A run of elements as at most three rectangles: the rest of its first row, whole rows, the beginning
  /// of its last.
  static func covering(_ elements: Range<Int>, width: Int) -> [Rectangle] {
    guard !elements.isEmpty else { return [] }
    var (row, start) = elements.lowerBound.quotientAndRemainder(dividingBy: width)
    let (last, end) = elements.upperBound.quotientAndRemainder(dividingBy: width)
    guard row < last else { return [Rectangle(rows: row..<row + 1, columns: start..<end)] }
    var result: [Rectangle] = []
    if start > 0 {
      result.append(Rectangle(rows: row..<row + 1, columns: start..<width))
      (row, start) = (row + 1, 0)
    }
    if row < last { result.append(Rectangle(rows: row..<last, columns: 0..<width)) }
    if end > 0 { result.append(Rectangle(rows: last..<last + 1, columns: 0..<end)) }
    return result
  }
}
