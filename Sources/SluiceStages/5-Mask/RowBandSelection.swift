package import SluiceKernels

/// Finds where a row is cut by magnitude, exact to the element.
///
/// Formula: of n elements the first max(1, n - ceil(rate * n)) in the order (|delta| descending, tie key
/// ascending) are kept, so floor((1 - rate) * n) of them, and at least one; zeros never are.
@safe package final class RowBandSelection {
  private let kernels: Kernels
  private let sorted: AlignedBuffer<UInt32>
  private let scratch: AlignedBuffer<UInt32>

  /// Makes room for rows.
  package init(columnCount: Int, kernels: Kernels) {
    self.kernels = kernels
    sorted = AlignedBuffer(count: columnCount, fill: 0)
    scratch = AlignedBuffer(count: columnCount, fill: 0)
  }

  /// The bytes of the buffers.
  ///
  /// - Parameter columnCount: The most columns of a row.
  /// - Returns: The number of bytes.
  package static func byteCount(columnCount: Int) -> Int { 2 * 4 * columnCount }

  /// How many elements of a row a rate keeps.
  ///
  /// - Parameters:
  ///   - rate: The rate, in 0 ..< 1.
  ///   - count: The number of elements.
  /// - Returns: The number, at least 1 where there is any.
  package static func keptCount(rate: Double, of count: Int) -> Int {
    min(count, max(1, count - Int((rate * Double(count)).rounded(.up))))
  }

  /// Finds where each rate cuts a row.
  ///
  /// - Parameters:
  ///   - row: The deltas of the row.
  ///   - count: How many.
  ///   - rates: The rates.
  ///   - tieBreak: Which of the elements at a threshold are kept.
  /// - Returns: One cut for each rate.
  package func cuts(
    _ row: UnsafePointer<Float>, count: Int, rates: [Double], tieBreak: TieBreak
  ) -> [Cut] {
    guard count > 0 else { return rates.map { _ in .none } }
    // SAFETY: the row and the buffers hold at least `count` numbers.
    for column in 0..<count {
      unsafe sorted.pointer[column] = row[column].magnitude.bitPattern
    }
    unsafe kernels.sortMagnitudes(sorted.pointer, scratch: scratch.pointer, count: count)
    return rates.map { rate in
      let kept = RowBandSelection.keptCount(rate: rate, of: count)
      let threshold = unsafe sorted.pointer[count - kept]
      // Who keeps more elements than are not zero keeps those.
      guard threshold > 0 else {
        return Cut(thresholdBits: 0, above: 0, tied: 0, keptOfTied: 0)
      }
      let first = firstIndex(of: threshold, count)
      let next = firstIndex(of: threshold + 1, count)
      let (above, tied) = (count - next, next - first)
      let keptOfTied =
        switch tieBreak {
        case .spread, .index: kept - above
        case .drop: 0
        case .keep: tied
        }
      return Cut(thresholdBits: threshold, above: above, tied: tied, keptOfTied: keptOfTied)
    }
  }

  /// The position of the first that is not below a number.
  private func firstIndex(of bits: UInt32, _ count: Int) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if unsafe sorted.pointer[middle] < bits { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
