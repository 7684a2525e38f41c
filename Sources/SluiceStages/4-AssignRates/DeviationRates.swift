/// Lower rates for linear layers of high significance: the rule of the paper's later version.
///
/// Formula: `rateDeviation = significance - weighted mean`, `deviationScale = maxRateDeviation /
/// max |rateDeviation|`, `rate = pruningRate - deviationScale * rateDeviation`.
/// Source: DPPA, ACL version, eq. 4-6 (rat, fac, lambda, alpha); the mean is weighted by element
/// counts over linear layers only, which keeps the overall rate at the requested one.
/// Edge cases: no layer, one layer, or equal significances give no shift.
public struct DeviationRates: RateRule {
  /// The largest shift of a rate (the paper's lambda), 0.08 there.
  public let maxRateDeviation: Double

  /// Makes the rule.
  ///
  /// - Parameter maxRateDeviation: The largest shift of a rate, at least 0.
  public init(maxRateDeviation: Double) {
    self.maxRateDeviation = maxRateDeviation
  }

  /// The name in recipes and reports.
  public var name: String { "acl" }

  /// The shift of each layer, at most the largest deviation up or down.
  ///
  /// - Parameter layers: The layers, in byte order of their names: sums run in this order.
  /// - Returns: One shift for each layer.
  public func rateShifts(for layers: [LinearStatistics]) -> [Double] {
    var weighted = 0.0
    var elements = 0.0
    for layer in layers {
      weighted += layer.significance * Double(layer.elementCount)
      elements += Double(layer.elementCount)
    }
    guard elements > 0 else { return Array(repeating: 0, count: layers.count) }
    let mean = weighted / elements
    let deviations = layers.map { $0.significance - mean }
    let largest = deviations.reduce(0) { max($0, abs($1)) }
    guard largest > 0 else { return Array(repeating: 0, count: layers.count) }
    let scale = maxRateDeviation / largest
    return deviations.map { -(scale * $0) }
  }
}
