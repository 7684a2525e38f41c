import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Amplifying") struct AmplifyStageTests {
  private static let rates = [0.95, 0.8, 0.6]

  @Test(
    "each ring has its factor, and what no partition keeps is zero",
    arguments: Reference.Combine.allCases,
    [[1, 1, 1], [1.1, 1.3, 0.7], [0, -2, 1]] as [[Double]])
  func rings(combine: Reference.Combine, factors: [Double]) throws {
    let deltas = someDeltas(5000, seed: 21, distinct: 15)
    let masks = Reference.masks(of: deltas, rates: AmplifyStageTests.rates)
    let expected = Reference.amplified(deltas, masks: masks, factors: factors, combine: combine)
    let cuts = ReferenceCuts(deltas, masks)
    let rings = RingFactors([
      try #require(PartitionCombination(rawValue: combine.rawValue)).ringFactors(
        factors.map { Float($0) })
    ])
    // The mask sets what it drops to zero, or multiplies in the same walk.
    for isOneWalk in [false, true] {
      for kernels in allKernels {
        var run = TransformRun(deltas)
        run.partitionCount = masks.count
        run.tileLengths = [1024, 65, 1000]
        run.kernels = kernels
        let found = try run.apply(
          [
            MaskStage(cuts: cuts, tieBreak: .spread, ringFactors: isOneWalk ? rings : nil),
            AmplifyStage(rings, rest: isOneWalk ? .nothing : .factors),
          ], to: deltas)
        // A factor of zero leaves zeros of both signs.
        #expect(found.values == expected.values)
        #expect(found.kept == masks.map(\.isKept))
      }
    }
  }

  @Test("each model has factors of its own, and tensors may differ in their partitions")
  func models() throws {
    let deltas = someDeltas(2000, seed: 22)
    let masks = Reference.masks(of: deltas, rates: [0.9, 0.5])
    let cuts = ReferenceCuts(deltas, masks)
    for model in 0..<2 {
      var run = TransformRun(deltas)
      run.partitionCount = 2
      run.model = model
      let byCount: [@Sendable (Int) -> [Float]] = [
        { count in (0..<count).map { 1 + Float($0) } },
        { count in Array(repeating: 3, count: count) },
      ]
      let found = try run.apply(
        [
          MaskStage(cuts: cuts, tieBreak: .spread), AmplifyStage(RingFactors(byCount: byCount)),
        ], to: deltas)
      let expected = Reference.amplified(
        deltas, masks: masks, factors: model == 0 ? [1, 2] : [3, 3])
      #expect(found.values == expected.values)
    }
  }

  @Test("a tensor's factor multiplies all of it, and a factor of one lets it pass")
  func factor() throws {
    let deltas = someDeltas(2000, seed: 23)
    let scaled = try TransformRun(deltas).apply(
      [FactorStage(OneFactor(1.5), name: "x", scope: .all)], to: deltas)
    #expect(scaled.values == deltas.map { $0 * 1.5 })
    let lane = FactorStage(OneFactor(1), name: "x", scope: .all).makeLane(model: 0, kernels: .best)
    try lane.begin(TransformRun(deltas).strips[0], statistics: [])
    #expect(lane.changesNothing)
  }
}
