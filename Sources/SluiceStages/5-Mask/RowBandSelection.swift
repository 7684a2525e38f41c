package import SluiceKernels

/// Finds where a row is cut by magnitude, exact to the element.
///
/// Formula: of n elements the first max(1, n - ceil(rate * n)) in the order (|delta| descending, tie key
/// ascending) are kept, so floor((1 - rate) * n) of them, and at least one; zeros never are.
package final class RowBandSelection {
  private let kernels: Kernels
  /// Where each rate cut the row before: the next row is often cut nearby.
  private var guesses: [UInt32] = []

  /// Takes the kernels to compute with.
  package init(kernels: Kernels) { self.kernels = kernels }

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
    guesses += [UInt32](repeating: 0, count: max(0, rates.count - guesses.count))
    return rates.enumerated().map { index, rate in
      let kept = RowBandSelection.keptCount(rate: rate, of: count)
      // SAFETY: the caller guarantees that the row has so many elements.
      let (threshold, above, tied) = unsafe kernels.cutRow(
        row, count: count, kept: kept, guess: guesses[index])
      guesses[index] = threshold
      // Who keeps more elements than are not zero keeps those.
      guard threshold > 0 else {
        return Cut(thresholdBits: 0, above: 0, tied: 0, keptOfTied: 0)
      }
      let keptOfTied =
        switch tieBreak {
        case .spread, .index: kept - above
        case .drop: 0
        case .keep: tied
        }
      return Cut(thresholdBits: threshold, above: above, tied: tied, keptOfTied: keptOfTied)
    }
  }
}
