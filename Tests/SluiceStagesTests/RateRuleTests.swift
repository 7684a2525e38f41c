import SluiceKernels
import SluiceStages
import SluiceTestSupport
import Testing

@Suite("Rates")
struct RateRuleTests {
  private func layers(_ significance: [Double], _ elements: [Int]) -> [LinearStatistics] {
    zip(significance, elements).enumerated().map { index, layer in
      LinearStatistics(
        name: "layer \(index)", elementCount: layer.1, zeroCount: 0, mean: 1,
        significance: layer.0)
    }
  }

  @Test("the golden rates of the later version's rule") func golden() {
    let rule = DeviationRates(maxRateDeviation: 0.08)
    let shifts = rule.rateShifts(for: layers([0.1, 0.02, 0.05, 0.03], [4, 1, 3, 8]))
    let rates = shifts.map { 0.9 + $0 }
    let expected = [0.82, 0.949620253164557, 0.9010126582278482, 0.9334177215189874]
    for (rate, golden) in zip(rates, expected) { #expect(abs(rate - golden) < 1e-15) }
  }

  @Test("the weighted mean of the rates is the requested one") func mean() {
    let counts = [4, 1, 3, 8]
    let shifts = DeviationRates(maxRateDeviation: 0.08)
      .rateShifts(for: layers([0.3, 0.02, 0.05, 0.9], counts))
    let sum = zip(shifts, counts).reduce(0) { $0 + $1.0 * Double($1.1) }
    #expect(abs(sum) < 1e-12)
    #expect(abs((shifts.map(abs).max() ?? 0) - 0.08) < 1e-15)
  }

  @Test("no layer, one layer, equal layers: no shift") func degenerate() {
    let rule = DeviationRates(maxRateDeviation: 0.08)
    #expect(rule.rateShifts(for: []) == [])
    #expect(rule.rateShifts(for: layers([0.4], [9])) == [0])
    #expect(rule.rateShifts(for: layers([0.25, 0.25], [8, 8])) == [0, 0])
    #expect(rule.rateShifts(for: layers([0.25, 0.5], [0, 0])) == [0, 0])
    #expect(UniformRates().rateShifts(for: layers([0.1, 0.9], [1, 1])) == [0, 0])
  }

  @Test("rings take their own factor, or the largest of those that keep them") func rings() {
    #expect(PartitionCombination.ring.ringFactors([1.1, 1.3]) == [1.1, 1.3])
    #expect(PartitionCombination.max.ringFactors([1.1, 1.3]) == [1.3, 1.3])
    #expect(PartitionCombination.max.ringFactors([2, 1.3, 1.5]) == [2, 1.5, 1.5])
    #expect(PartitionCombination.max.ringFactors([1, -2]) == [-2, -2])
  }
}

@Suite("Significance")
struct LayerSurveyTests {
  private func histogram(_ values: [Float]) -> MagnitudeHistogram {
    var counts: [UInt32: UInt64] = [:]
    for value in values { counts[value.magnitude.bitPattern, default: 0] += 1 }
    return MagnitudeHistogram(
      counts.sorted { $0.key < $1.key }.map {
        MagnitudeHistogram.Entry(bits: $0.key, count: $0.value)
      })
  }

  private func statistics(_ values: [Float], multiple: Double = 5) throws -> LinearStatistics {
    let survey = LayerSurvey(histogram(values), name: "x", significanceMultiple: multiple)
    var known: LinearStatistics?
    if case .known(let statistics) = survey { known = statistics }
    return try #require(known)
  }

  @Test("the comparison with the multiple of the mean is strict") func strict() throws {
    // Mean 1: nine zeros and a ten; 10 > 5 counts, and with a multiple of 10 it does not.
    let values: [Float] = [Float](repeating: 0, count: 9) + [10]
    #expect(try statistics(values).significance == 1)
    #expect(try statistics(values, multiple: 10).significance == 0)
    #expect(try statistics(values).mean == 1)
    #expect(try statistics(values).zeroCount == 9)
  }

  @Test("a layer without change has no significance") func unchanged() throws {
    let statistics = try statistics([0, 0, 0])
    #expect(statistics.significance == 0 && statistics.mean == 0 && statistics.zeroCount == 3)
    #expect(try self.statistics([]).mean == 0)
  }

  @Test("random layers agree with the scalar reference", arguments: 0..<10)
  func random(seed: UInt64) throws {
    var random = RepeatableGenerator(seed: seed)
    let values: [Float] = (0..<3000).map { _ in
      let x = Float.random(in: -1...1, using: &random)
      return x * x * x * x * x
    }
    let found = try statistics(values)
    let expected = Reference.statistics(of: values, multiple: 5)
    #expect(found.mean == expected.mean && found.significance == expected.significance)
  }
}
