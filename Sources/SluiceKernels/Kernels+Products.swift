internal import CSluiceKernels

/// The part of a product of two thin factors that one call computes.
///
/// Formula: `out[i, j] = scale * (0 + l[i, 0] * r[0, j] + l[i, 1] * r[1, j] + ...)`, in this order, each
/// product and each sum rounded to Float32; `fused` rounds once for a product and its sum. An
/// element is the same bits in whatever rows, columns and pieces of the rank the whole is cut.
@safe package struct FactorProduct {
  /// The columns of a panel.
  package static let panelColumns = Int(SLUICE_PANEL_COLUMNS)

  var content: sluice_product

  /// Describes a product.
  ///
  /// - Parameters:
  ///   - left: The rows of the left factor, one behind the other.
  ///   - leftStride: The distance between rows.
  ///   - panels: The right factor, as `place(ofRow:column:rank:)` says where it lies.
  ///   - rank: The number of products in a sum, of this piece.
  ///   - rows: How many rows.
  ///   - columns: Which columns.
  ///   - out: Receives the first of them.
  ///   - outStride: The distance between rows there.
  package init(
    left: UnsafePointer<Float>, leftStride: Int, panels: UnsafePointer<Float>, rank: Int,
    rows: Int, columns: Range<Int>, out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    unsafe content = unsafe sluice_product(
      left: left, left_stride: leftStride, panels: panels, rank: rank, out: out,
      out_stride: outStride, row_count: rows, first_column: columns.lowerBound,
      column_count: columns.count, scale: 1, continues: false, scales: false, fused: false)
  }

  /// The piece goes on with the sums of the piece before.
  package var continues: Bool {
    get { unsafe content.continues }
    set { unsafe content.continues = newValue }
  }

  /// A product and its sum are rounded once, together.
  package var isFused: Bool {
    get { unsafe content.fused }
    set { unsafe content.fused = newValue }
  }

  /// What sums are multiplied by, if they are complete.
  package var scale: Float? {
    get { unsafe content.scales ? content.scale : nil }
    set {
      unsafe content.scales = newValue != nil
      unsafe content.scale = newValue ?? 1
    }
  }

  /// How many numbers the panels of a right factor take.
  ///
  /// - Parameters:
  ///   - rank: The number of its rows.
  ///   - columns: The number of its columns.
  /// - Returns: The number, with what fills up the last panel.
  package static func panelElements(rank: Int, columns: Int) -> Int {
    (columns + panelColumns - 1) / panelColumns * panelColumns * rank
  }

  /// Where an element of a right factor lies in panels: rows of a panel follow each other, `panelColumns` elements of each.
  ///
  /// - Parameters:
  ///   - row: The row.
  ///   - column: The column.
  ///   - rank: The number of rows.
  /// - Returns: The position of the element.
  package static func panelIndex(row: Int, column: Int, rank: Int) -> Int {
    (column / panelColumns * rank + row) * panelColumns + column % panelColumns
  }
}

extension Kernels {
  /// Computes a part of a product of two factors.
  ///
  /// - Parameter product: The part.
  package func multiply(_ product: FactorProduct) {
    // Safety: the caller guarantees the memory that the product describes.
    unsafe withUnsafePointer(to: product.content) { unsafe functions.pointee.product($0) }
  }

  /// Puts rows of a right factor where `multiply` looks for them.
  ///
  /// - Parameters:
  ///   - row: Elements of a row.
  ///   - columns: Which columns they are.
  ///   - position: Which row it is.
  ///   - rank: The number of rows.
  ///   - panels: Receives them.
  package static func place(
    _ row: UnsafePointer<Float>, columns: Range<Int>, position: Int, rank: Int,
    into panels: UnsafeMutablePointer<Float>
  ) {
    let width = FactorProduct.panelColumns
    var column = columns.lowerBound
    while column < columns.upperBound {
      let end = min((column / width + 1) * width, columns.upperBound)
      let target =
        unsafe panels
        + FactorProduct.panelIndex(row: position, column: column, rank: rank)
      // Safety: the caller guarantees that the panels hold the columns.
      unsafe target.update(from: row + (column - columns.lowerBound), count: end - column)
      column = end
    }
  }

  /// Adds the square of each element to one of 16 sums: element `i` to number `i` modulo 16.
  ///
  /// - Parameters:
  ///   - values: The elements.
  ///   - count: How many; a multiple of 16 if more will follow.
  ///   - sums: The 16 sums.
  package func addSquares(
    _ values: UnsafePointer<Float>, count: Int, to sums: UnsafeMutablePointer<Double>
  ) {
    // Safety: the caller guarantees `count` numbers and 16 sums.
    unsafe functions.pointee.square_sums(values, count, sums)
  }

  /// One of 16 sums: their total, in a fixed order.
  ///
  /// - Parameter sums: The 16 sums.
  /// - Returns: The total.
  package static func total(of sums: UnsafePointer<Double>) -> Double {
    var total = 0.0
    for index in 0..<squareSumCount { total += unsafe sums[index] }
    return total
  }

  /// The number of sums that `addSquares` adds to.
  package static let squareSumCount = 16
}

/// Sums of squares of whole rows, in one lane.
package final class SquareSum {
  private let kernels: Kernels
  private let sums = AlignedBuffer<Double>(count: Kernels.squareSumCount, fill: 0)

  /// Makes room for the sums.
  package init(_ kernels: Kernels) { self.kernels = kernels }

  /// The sum of the squares of a row, as `addSquares` and `total` find it.
  package func of(_ row: UnsafePointer<Float>, count: Int) -> Double {
    sums.fill(0)
    // SAFETY: the caller guarantees `count` elements.
    unsafe kernels.addSquares(row, count: count, to: sums.pointer)
    return unsafe Kernels.total(of: sums.pointer)
  }
}
