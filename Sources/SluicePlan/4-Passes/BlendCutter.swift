internal import SluiceKernels
internal import SluiceStages

/// Finds where rows of blended deltas are cut, in one lane.
@safe final class BlendCutter {
  private let removal: Removal
  private let kernels: Kernels
  private let selection: RowBandSelection
  private let squares: SquareSum

  init(_ removal: Removal, kernels: Kernels) {
    self.removal = removal
    self.kernels = kernels
    selection = RowBandSelection(kernels: kernels)
    squares = SquareSum(kernels)
  }

  /// Where a row is cut.
  func cut(_ row: UnsafePointer<Float>, _ columns: Int) -> BlendCut {
    // SAFETY: the caller guarantees `columns` elements.
    let cutAt = unsafe selection.cuts(
      row, count: columns, rates: [removal.rate], tieBreak: .index)[0]
    var (column, left) = (0, cutAt.keptOfTied)
    while left > 0, column < columns {
      if unsafe row[column].magnitude.bitPattern == cutAt.thresholdBits { left -= 1 }
      column += 1
    }
    return BlendCut(threshold: cutAt.threshold, firstDroppedColumn: column, factor: 1)
  }

  /// Cuts a row, and finds with the cut what restores its norm, by which it is not multiplied yet.
  func restoring(_ row: UnsafeMutablePointer<Float>, _ columns: Int) -> BlendCut {
    let cut = unsafe cut(row, columns)
    let whole = unsafe squares.of(row, count: columns)
    unsafe cut.apply(to: row, count: columns, column: 0, kernels: kernels)
    let factor = RowScaleStage.factor(
      whole: whole, kept: unsafe squares.of(row, count: columns), times: removal.factor)
    return BlendCut(
      threshold: cut.threshold, firstDroppedColumn: cut.firstDroppedColumn, factor: factor)
  }
}
