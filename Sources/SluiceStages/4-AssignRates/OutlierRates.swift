/// One rate for all linear layers of a block, lower where more of its deltas are outliers.
///
/// Formula, with D the share of a block's elements above N times the block's mean:
/// `minmax`: keep = (D - min) / (max - min) * 2 * maxRateDeviation - mean of that + 1 - pruningRate;
/// `maxabs`: keep = (D - mean) * maxRateDeviation / max |D - mean| + 1 - pruningRate; rate = 1 - keep.
/// Source: OWL (arXiv 2310.05175), section 3.2 (M -> significanceMultiple, lambda ->
/// maxRateDeviation), and DPPA's comparison, whose code has `maxabs`. Outliers are counted on |delta|
/// alone, as DPPA does, not on weights times activations. Means over blocks are plain.
/// Edge cases: one block, or blocks with equal shares, give no shift.
package struct OutlierRates: RateRule {
  /// How shares become shifts.
  package enum Normalisation: String, Sendable, Hashable, CaseIterable {
    /// By the largest distance from the mean: DPPA's code.
    case maxabs
    /// By the distance between the smallest and the largest: OWL itself.
    case minmax
  }

  /// The largest shift of a rate for `maxabs`; for `minmax`, half of the distance between rates.
  package let maxRateDeviation: Double
  /// How shares become shifts.
  package let normalisation: Normalisation
  /// Whether `maxabs` stretches deviations; without, they are taken as they are.
  package let isScaled: Bool

  /// Makes the rule.
  ///
  /// - Parameters:
  ///   - maxRateDeviation: The largest shift of a rate, at least 0.
  ///   - normalisation: How shares become shifts.
  ///   - isScaled: Whether `maxabs` stretches deviations.
  package init(maxRateDeviation: Double, normalisation: Normalisation, isScaled: Bool = true) {
    self.maxRateDeviation = maxRateDeviation
    self.normalisation = normalisation
    self.isScaled = isScaled
  }

  /// The name in recipes and reports.
  package var name: String { "owl" }
  /// The largest deviation if shifts are scaled to it, or twice as much, the range of `minmax`.
  package var largestShift: Double? {
    switch normalisation {
    case .maxabs: isScaled ? maxRateDeviation : nil
    case .minmax: 2 * maxRateDeviation
    }
  }
  /// The share of elements.
  package var measure: SignificanceMeasure { .count }
  /// As many times as for a layer.
  package var blockMultiple: BlockMultiple { .sameAsLayers }

  /// The shift of each layer.
  package func rateShifts(for layers: [LinearStatistics]) -> [Double] {
    let blocks = BlockStatistics.list(layers)
    let shifts =
      switch normalisation {
      case .maxabs: distanceShifts(blocks)
      case .minmax: rangeShifts(blocks.map(\.significance))
      }
    return BlockStatistics.positions(of: layers, in: blocks).map { shifts[$0] }
  }

  private func distanceShifts(_ blocks: [BlockStatistics]) -> [Double] {
    let mean = BlockStatistics.mean(blocks)
    return DeviationRates.shifts(
      blocks.map { $0.significance - mean }, largest: maxRateDeviation, isScaled: isScaled)
  }

  private func rangeShifts(_ shares: [Double]) -> [Double] {
    guard let least = shares.min(), let most = shares.max(), most > least else {
      return Array(repeating: 0, count: shares.count)
    }
    let stretched = shares.map { ($0 - least) / (most - least) * (2 * maxRateDeviation) }
    var sum = 0.0
    for value in stretched { sum += value }
    let mean = sum / Double(stretched.count)
    return stretched.map { -($0 - mean) }
  }
}
