/// Finds the rate to start from so that the clamped rates average to the requested one.
///
/// The paper has no rule for rates that leave 0 ... 1; clamping them moves the overall rate away from
/// the requested one. Balanced, every layer's rate is `clamp(start + shift)`, with the start found by
/// bisection such that the mean of the rates, weighted by elements, is the requested rate.
package enum RateBalance {
  private static let steps = 128

  /// The rate to start from.
  ///
  /// - Parameters:
  ///   - requested: The overall rate, in 0 ..< 1.
  ///   - shifts: The shift of each layer.
  ///   - elementCounts: The number of elements of each layer.
  /// - Returns: The rate that takes the place of the requested one; itself if there is no layer.
  package static func start(
    requested: Double, shifts: [Double], elementCounts: [Int]
  ) -> Double {
    let reach = 1 + shifts.reduce(0) { max($0, abs($1)) }
    // From here on no layer is pruned at all, and from there on all of every layer is.
    var (low, high) = (-reach, reach)
    guard elementCounts.contains(where: { $0 > 0 }) else { return requested }
    for _ in 0..<steps {
      let middle = low + (high - low) / 2
      if middle <= low || middle >= high { break }
      if mean(middle, shifts, elementCounts) < requested { low = middle } else { high = middle }
    }
    return high
  }

  private static func mean(_ start: Double, _ shifts: [Double], _ counts: [Int]) -> Double {
    var weighted = 0.0
    var elements = 0.0
    for (shift, count) in zip(shifts, counts) {
      weighted += min(max(start + shift, 0), 1) * Double(count)
      elements += Double(count)
    }
    return weighted / elements
  }
}
