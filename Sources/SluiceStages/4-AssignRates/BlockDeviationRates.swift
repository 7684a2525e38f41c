/// Two shifts for each linear layer, one by the significance of its block and one by its own: the
/// rule of the paper's first version, and that of the authors' code.
///
/// Formula: `rate = pruningRate + norm(blockMean - blockSignificance) + norm(weightedMean -
/// significance)`, with `norm(x) = x * maxRateDeviation / max |x|`; blockMean is the plain mean over
/// blocks, weightedMean is weighted by element counts over linear layers.
/// Source: DPPA (arXiv 2403.02799v1) eq. 1-5 (theta -> rate, alpha -> pruningRate, lambda ->
/// maxRateDeviation). The code differs in what it counts: shares of elements instead of magnitude,
/// above 3 times the mean for a block. A block is its linear layers taken as one, with one mean.
/// Rates lie within twice maxRateDeviation of the requested one, so they can leave 0 ... 1 and are
/// clamped.
package struct BlockDeviationRates: RateRule {
  /// The name in recipes and reports.
  package let name: String
  /// What is counted.
  package let measure: SignificanceMeasure
  /// How many times the block's mean a delta must exceed.
  package let blockMultiple: BlockMultiple
  private let layers: DeviationRates

  /// Twice the largest deviation: that of the block and that of the layer.
  package var largestShift: Double? { layers.largestShift.map { 2 * $0 } }

  /// The rule of the paper's first version.
  package static func arxiv(_ layers: DeviationRates) -> BlockDeviationRates {
    BlockDeviationRates(
      name: "arxiv", measure: .mass, blockMultiple: .sameAsLayers, layers: layers)
  }

  /// The rule of the authors' code.
  package static func code(_ layers: DeviationRates) -> BlockDeviationRates {
    BlockDeviationRates(name: "code", measure: .count, blockMultiple: .fixed(3), layers: layers)
  }

  /// The shift of each layer.
  ///
  /// - Parameter layers: The layers, in byte order of their names: sums run in this order, those over
  ///   blocks in the order in which the blocks come up.
  /// - Returns: One shift for each layer.
  package func rateShifts(for layers: [LinearStatistics]) -> [Double] {
    let blocks = BlockStatistics.list(layers)
    let mean = BlockStatistics.mean(blocks)
    let shifts = DeviationRates.shifts(
      blocks.map { $0.significance - mean }, largest: self.layers.maxRateDeviation,
      isScaled: self.layers.isScaled)
    let own = self.layers.rateShifts(for: layers)
    let positions = BlockStatistics.positions(of: layers, in: blocks)
    return zip(own, positions).map { shifts[$1] + $0 }
  }
}

/// The significance of one block.
struct BlockStatistics {
  let name: String
  let significance: Double

  /// The blocks of a model, in the order in which its layers come up.
  static func list(_ layers: [LinearStatistics]) -> [BlockStatistics] {
    var seen: Set<String> = []
    return layers.compactMap { layer in
      seen.insert(layer.block).inserted
        ? BlockStatistics(name: layer.block, significance: layer.blockSignificance) : nil
    }
  }

  /// The plain mean over blocks.
  static func mean(_ blocks: [BlockStatistics]) -> Double {
    var sum = 0.0
    for block in blocks { sum += block.significance }
    return blocks.isEmpty ? 0 : sum / Double(blocks.count)
  }

  /// For each layer, the position of its block.
  static func positions(of layers: [LinearStatistics], in blocks: [BlockStatistics]) -> [Int] {
    var ordinals: [String: Int] = [:]
    for (ordinal, block) in blocks.enumerated() { ordinals[block.name] = ordinal }
    return layers.map { ordinals[$0.block] ?? 0 }
  }
}
