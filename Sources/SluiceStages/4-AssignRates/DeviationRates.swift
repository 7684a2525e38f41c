/// Lower rates for linear layers of high significance: the rule of the paper's later version.
///
/// Formula: `rateDeviation = significance - weighted mean`, `deviationScale = maxRateDeviation /
/// max |rateDeviation|`, `rate = pruningRate - deviationScale * rateDeviation`.
/// Source: DPPA, ACL version, eq. 4-6 (rat, fac, lambda, alpha); the mean is weighted by element
/// counts over linear layers only, which keeps the overall rate at the requested one. The paper's
/// denominator, all deltas of the model, can be asked for, and so can its ablation without the scale
/// (`rate = pruningRate - rateDeviation`).
/// Edge cases: no layer, one layer, or equal significances give no shift.
package struct DeviationRates: RateRule {
  /// The largest shift of a rate (the paper's lambda), 0.08 there.
  package let maxRateDeviation: Double
  /// Whether deviations are stretched so that the largest becomes `maxRateDeviation`.
  package let isScaled: Bool
  /// What the weighted sum is divided by; the elements of the layers themselves if nil.
  package let denominator: Int?

  /// Makes the rule.
  ///
  /// - Parameters:
  ///   - maxRateDeviation: The largest shift of a rate, at least 0.
  ///   - isScaled: Whether deviations are stretched to that.
  ///   - denominator: What the weighted sum of significances is divided by; the elements of the
  ///     layers themselves if nil.
  package init(maxRateDeviation: Double, isScaled: Bool = true, denominator: Int? = nil) {
    self.maxRateDeviation = maxRateDeviation
    self.isScaled = isScaled
    self.denominator = denominator
  }

  /// The name in recipes and reports.
  package var name: String { "acl" }
  /// The largest deviation, if deviations are scaled to it.
  package var largestShift: Double? { isScaled ? maxRateDeviation : nil }

  /// The shift of each layer, at most the largest deviation up or down.
  ///
  /// - Parameter layers: The layers, in byte order of their names: sums run in this order.
  /// - Returns: One shift for each layer.
  package func rateShifts(for layers: [LinearStatistics]) -> [Double] {
    var weighted = 0.0
    var elements = 0.0
    for layer in layers {
      weighted += layer.significance * Double(layer.elementCount)
      elements += Double(layer.elementCount)
    }
    if let denominator { elements = Double(denominator) }
    guard elements > 0 else { return Array(repeating: 0, count: layers.count) }
    let mean = weighted / elements
    return DeviationRates.shifts(
      layers.map { $0.significance - mean }, largest: maxRateDeviation, isScaled: isScaled)
  }

  /// Turns deviations of significance into shifts of rates.
  static func shifts(_ deviations: [Double], largest: Double, isScaled: Bool) -> [Double] {
    guard isScaled else { return deviations.map { -$0 } }
    let top = deviations.reduce(0) { max($0, abs($1)) }
    guard top > 0 else { return Array(repeating: 0, count: deviations.count) }
    let scale = largest / top
    return deviations.map { -(scale * $0) }
  }
}
