import SluiceArchitecture
import SluiceStages
import Testing

@Suite("Rate rules give their golden values") struct GoldenRateTests {
  private func layers(
    _ significance: [Double], _ elements: [Int], blocks: [Int], blockSignificance: [Double]
  ) -> [LinearStatistics] {
    significance.indices.map { index in
      var layer = LinearStatistics(
        name: "layer\(index)", elementCount: elements[index], zeroCount: 0, mean: 1,
        significance: significance[index], block: "block\(blocks[index])")
      layer.blockSignificance = blockSignificance[blocks[index]]
      return layer
    }
  }

  private var layers: [LinearStatistics] {
    layers(
      [0.1, 0.02, 0.05, 0.03], [4, 1, 3, 8], blocks: [0, 0, 1, 1], blockSignificance: [0.08, 0.03])
  }

  private func expectRates(
    _ shifts: [Double], from rate: Double, equal expected: [Double], within: Double
  ) {
    for (shift, value) in zip(shifts, expected) {
      #expect(abs(min(max(rate + shift, 0), 1) - value) <= within)
    }
    #expect(shifts.count == expected.count)
  }

  @Test("acl")
  func acl() {
    expectRates(
      DeviationRates(maxRateDeviation: 0.08).rateShifts(for: layers), from: 0.9,
      equal: [0.82, 0.949620253164557, 0.9010126582278482, 0.9334177215189874], within: 1e-15)
  }

  @Test("arxiv, the last one clamped from 1.0134")
  func arxiv() {
    let rule = BlockDeviationRates.arxiv(DeviationRates(maxRateDeviation: 0.08))
    let shifts = rule.rateShifts(for: layers)
    expectRates(
      shifts, from: 0.9, equal: [0.74, 0.869620253164557, 0.9810126582278481, 1], within: 1e-15)
    #expect(abs(0.9 + shifts[3] - 1.0134) < 5e-5)
  }

  @Test("owl", arguments: OutlierRates.Normalisation.allCases)
  func owl(normalisation: OutlierRates.Normalisation) {
    let blocks = layers(
      [0, 0, 0], [5, 7, 2], blocks: [0, 1, 2], blockSignificance: [0.1, 0.4, 0.2])
    let rule = OutlierRates(maxRateDeviation: 0.08, normalisation: normalisation)
    let expected =
      normalisation == .minmax ? [0.77111, 0.61111, 0.71778] : [0.764, 0.62, 0.716]
    expectRates(rule.rateShifts(for: blocks), from: 0.7, equal: expected, within: 5e-6)
  }

  @Test("Without the scale, rates differ as significances do")
  func unscaled() {
    let shifts = DeviationRates(maxRateDeviation: 0.08, isScaled: false).rateShifts(for: layers)
    #expect(abs((shifts[1] - shifts[0]) - 0.08) < 1e-15)
  }

  @Test("A larger denominator makes the mean smaller and the overall rate miss")
  func denominator() {
    let shifts = DeviationRates(maxRateDeviation: 0.08, denominator: 32).rateShifts(for: layers)
    let weighted = zip(shifts, layers).reduce(0) { $0 + $1.0 * Double($1.1.elementCount) }
    #expect(weighted < -1e-3)
  }

  @Test("Balanced rates average to the one asked for, clamped ones too")
  func balance() {
    let shifts = [0.3, -0.02, 0.1, -0.16]
    let counts = [40, 10, 30, 80]
    let start = RateBalance.start(requested: 0.9, shifts: shifts, elementCounts: counts)
    let rates = shifts.map { min(max(start + $0, 0), 1) }
    let mean = zip(rates, counts).reduce(0) { $0 + $1.0 * Double($1.1) } / 160
    #expect(abs(mean - 0.9) < 1e-14 && rates[0] == 1)
    #expect(RateBalance.start(requested: 0.9, shifts: [0, 0], elementCounts: [1, 1]) == 0.9)
  }

  @Test(
    "Blocks have the name up to their number",
    arguments: [
      ("model.layers.11.mlp.up_proj.weight", "model.layers.11"), ("h.3.attn.weight", "h.3"),
      ("lm_head.weight", "lm_head.weight"), ("layers.weight", "layers.weight"),
    ])
  func blockNames(tensor: String, block: String) {
    #expect(BlockName.block(of: tensor) == block)
  }
}
