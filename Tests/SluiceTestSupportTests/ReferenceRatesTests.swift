import SluiceTestSupport
import Testing

@Suite("The reference's significance and rates") struct ReferenceRatesTests {
  @Test("Significance is the share of mass above the multiple of the mean")
  func significance() {
    // Sum 32, mean 2, cut 10: the 17 alone is significant.
    let delta: [Float] = [-17] + Array(repeating: 1, count: 8) + Array(repeating: -1, count: 7)
    #expect(
      Reference.statistics(of: delta)
        == Reference.Statistics(elements: 16, zeros: 0, mean: 2, significance: 17.0 / 32))
    // A multiple of 9 puts the cut at 18.
    #expect(Reference.statistics(of: delta, multiple: 9).significance == 0)
  }

  @Test("An element at the cut is not significant, the next larger one is")
  func strictCut() {
    // Sum 8, zeros included the mean is 1, the cut 5.
    #expect(
      Reference.statistics(of: [1, 5, 0, -1, 0, 0, 1, -0.0])
        == Reference.Statistics(elements: 8, zeros: 4, mean: 1, significance: 0))
    // Five units more make the cut grow by 5/8 of a unit of 5, the element by a whole one.
    let next = Float(5).nextUp
    #expect(
      Reference.statistics(of: [1, next, 0, -1, 0, 0, 1, 0]).significance
        == Double(next) / (3 + Double(next)))
  }

  @Test("No elements, and zeros alone, have no significance", arguments: [0, 1, 7])
  func zeros(count: Int) {
    #expect(
      Reference.statistics(of: Array(repeating: -0.0, count: count))
        == Reference.Statistics(elements: count, zeros: count, mean: 0, significance: 0))
  }

  @Test("Gaussian deltas have a significance near exp(-25 / pi)")
  func gaussian() {
    var generator = RepeatableGenerator(seed: 11)
    let delta = (0..<200_000).map { _ in Float(8.9e-4 * generator.gaussian()) }
    let statistics = Reference.statistics(of: delta)
    // About 13 of 200,000 elements are significant: a standard deviation of 28 percent.
    #expect(abs(statistics.significance - 3.499e-4) < 2e-4)
    // The mean of |x| is sigma * sqrt(2 / pi), here with a standard deviation of 0.2 percent.
    #expect(abs(statistics.mean / 8.9e-4 - 0.79788) < 0.005)
  }

  @Test("Laplace deltas have a significance near 6 * exp(-5), uniform ones none")
  func laplaceAndUniform() {
    var generator = RepeatableGenerator(seed: 12)
    let laplace = (0..<200_000).map { _ in Float(1e-3 * generator.laplace()) }
    // About 1,350 elements: a standard deviation of 3 percent.
    #expect(abs(Reference.statistics(of: laplace).significance - 0.04043) < 0.004)
    let uniform = (0..<200_000).map { _ in Float(generator.uniform() - 0.5) }
    #expect(Reference.statistics(of: uniform).significance == 0)
    #expect(abs(Reference.statistics(of: uniform).mean - 0.25) < 0.002)
  }

  @Test("Rates of the golden significances are the golden values")
  func goldenRates() {
    let rates = Reference.aclRates(
      significance: [0.1, 0.02, 0.05, 0.03], elements: [4, 1, 3, 8], overall: 0.9)
    let golden = [0.82, 0.949620253164557, 0.9010126582278482, 0.9334177215189874]
    for (rate, expected) in zip(rates, golden) { #expect(abs(rate - expected) < 2e-16) }
    #expect(rates.count == 4)
  }

  @Test("The weighted mean of unclamped rates is the overall rate")
  func weightedMean() {
    let elements = [400, 100, 300, 800]
    let rates = Reference.aclRates(
      significance: [0.3, 0.01, 0, 0.2], elements: elements, overall: 0.8, maxDeviation: 0.05)
    let weighted = zip(rates, elements).reduce(0) { $0 + $1.0 * Double($1.1) }
    #expect(abs(weighted / 1600 - 0.8) < 1e-15)
    #expect(abs((rates.map { abs($0 - 0.8) }.max() ?? 0) - 0.05) < 1e-15)
  }

  @Test(
    "Equal significances and a single tensor give the overall rate",
    arguments: [[], [0.25], [0, 0, 0], [0.5, 0.5]])
  func degenerate(significance: [Double]) {
    let rates = Reference.aclRates(
      significance: significance, elements: significance.map { _ in 64 }, overall: 0.9)
    #expect(rates == significance.map { _ in 0.9 })
  }

  @Test("Rates beyond 0 and 1 are clamped")
  func clamping() {
    // Mean 0.5, deviations -0.5 and 0.5.
    let severe = Reference.aclRates(significance: [0, 1], elements: [1, 1], overall: 0.95)
    #expect(severe[0] == 1 && abs(severe[1] - 0.87) < 1e-15)
    let mild = Reference.aclRates(significance: [0, 1], elements: [1, 1], overall: 0.05)
    #expect(abs(mild[0] - 0.13) < 1e-15 && mild[1] == 0)
  }

  @Test(
    "Partitions of a rate stay below 1, most severe first",
    arguments: [
      (0.8, 0.1, [0.9, 0.8]), (0.9, 0.1, [0.9]), (0.5, 0.25, [0.75, 0.5]),
      (0.7, 0.1, [0.7 + 2 * 0.1, 0.7 + 0.1, 0.7]), (0, 0.5, [0.5, 0]), (0.99, 0.5, [0.99]),
    ] as [(Double, Double, [Double])])
  func partitions(rate: Double, width: Double, expected: [Double]) {
    #expect(Reference.partitionRates(from: rate, width: width) == expected)
  }
}
