package import SluiceKernels

/// Finds where rows are cut: Wanda's choice of the smallest scores, exact to the element.
///
/// Formula: with n columns, the first floor(rate * n) elements in the order (score ascending, column
/// ascending) are removed. Source: Wanda (arXiv 2306.11695), whose code sorts each row stably.
@safe package final class RowSelection {
  private let kernels: Kernels
  private let scores: AlignedBuffer<UInt32>
  private let sorted: AlignedBuffer<UInt32>
  private let scratch: AlignedBuffer<UInt32>

  /// Makes room for rows.
  package init(columnCount: Int, kernels: Kernels) {
    self.kernels = kernels
    scores = AlignedBuffer(count: columnCount, fill: 0)
    sorted = AlignedBuffer(count: columnCount, fill: 0)
    scratch = AlignedBuffer(count: columnCount, fill: 0)
  }

  /// The bytes of the buffers.
  ///
  /// - Parameter columnCount: The most columns of a row.
  /// - Returns: The number of bytes.
  package static func byteCount(columnCount: Int) -> Int { 3 * 4 * columnCount }

  /// Finds where a row is cut.
  package func cut(_ deltas: UnsafePointer<Float>, norms: [Float], rate: Double) -> RowCut {
    let count = norms.count
    let removed = Int((rate * Double(count)).rounded(.down))
    guard count > 0, removed < count else { return RowCut(thresholdBits: .max, firstTiedColumn: 0) }
    // SAFETY: the row and the buffers hold at least `count` numbers.
    for column in 0..<count {
      unsafe scores.pointer[column] = RowScore.bits(deltas[column], norm: norms[column])
    }
    unsafe sorted.pointer.update(from: scores.pointer, count: count)
    unsafe kernels.sortMagnitudes(sorted.pointer, scratch: scratch.pointer, count: count)
    let threshold = unsafe sorted.pointer[removed]
    // How many elements at the threshold are removed: those of them that come before the border.
    var tied = 0
    while tied < removed, unsafe sorted.pointer[removed - 1 - tied] == threshold { tied += 1 }
    var column = 0
    while tied > 0 {
      if unsafe scores.pointer[column] == threshold { tied -= 1 }
      column += 1
    }
    return RowCut(thresholdBits: threshold, firstTiedColumn: UInt32(column))
  }
}
