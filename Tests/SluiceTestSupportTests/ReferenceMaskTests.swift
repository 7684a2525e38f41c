import SluiceTestSupport
import Testing

@Suite("The reference's masks and amplification") struct ReferenceMaskTests {
  /// Six elements of magnitude 1: j = 0...5 stand at 1, 2, 4, 5, 6, 9.
  static let delta: [Float] = [3, -1, 1, 0, 1, -1, 1, 2, -0.0, 1]

  private func kept(_ mask: Reference.Mask) -> [Int] {
    mask.isKept.indices.filter { mask.isKept[$0] }
  }

  @Test(
    "Three of eight tied elements are those that the tie rule names",
    arguments: [
      (.spread, [0, 2, 4]), (.index, [0, 1, 2]), (.drop, []), (.keep, [0, 1, 2, 3, 4, 5, 6, 7]),
    ] as [(Reference.TieBreak, [Int])])
  func threeOfEight(tieBreak: Reference.TieBreak, expected: [Int]) {
    let masks = Reference.masks(
      of: [1, 1, -1, 1, -1, 1, 1, -1], rates: [0.625], tieBreak: tieBreak)
    #expect(masks.map(kept) == [expected])
    #expect(masks[0].threshold == 1 && masks[0].tied == 8)
  }

  @Test(
    "Ties spread in the order j = 0, 4, 2, 1, 5, 3, and zeros are never kept",
    arguments: [
      (0.9, [0], 3, 1), (0.8, [0, 7], 2, 1), (0.7, [0, 1, 7], 1, 6), (0.6, [0, 1, 6, 7], 1, 6),
      (0.5, [0, 1, 4, 6, 7], 1, 6), (0.4, [0, 1, 2, 4, 6, 7], 1, 6),
      (0.3, [0, 1, 2, 4, 6, 7, 9], 1, 6), (0.2, [0, 1, 2, 4, 5, 6, 7, 9], 1, 6),
      (0.1, [0, 1, 2, 4, 5, 6, 7, 9], 0, 2), (0, [0, 1, 2, 4, 5, 6, 7, 9], 0, 2),
      (-0.1, [0, 1, 2, 4, 5, 6, 7, 9], 0, 2),
      // floor(9.9) are pruned, not 9.9 rounded.
      (0.99, [0], 3, 1), (1, [], .infinity, 0), (1.06, [], .infinity, 0),
    ] as [(Double, [Int], Float, Int)])
  func spread(rate: Double, expected: [Int], threshold: Float, tied: Int) {
    let mask = Reference.masks(of: Self.delta, rates: [rate])[0]
    #expect(kept(mask) == expected)
    #expect(mask.threshold == threshold && mask.tied == tied)
  }

  @Test(
    "The inexact rules prune or keep all that equal the threshold, but never keep a zero",
    arguments: [
      (.drop, 0.8, [0]), (.drop, 0.6, [0, 7]), (.drop, 0.2, [0, 7]),
      (.drop, 0.1, [0, 1, 2, 4, 5, 6, 7, 9]), (.drop, 0, [0, 1, 2, 4, 5, 6, 7, 9]),
      (.keep, 0.8, [0, 7]), (.keep, 0.7, [0, 1, 2, 4, 5, 6, 7, 9]),
      (.keep, 0.1, [0, 1, 2, 4, 5, 6, 7, 9]), (.keep, 1, []),
    ] as [(Reference.TieBreak, Double, [Int])])
  func inexact(tieBreak: Reference.TieBreak, rate: Double, expected: [Int]) {
    let mask = Reference.masks(of: Self.delta, rates: [rate], tieBreak: tieBreak)[0]
    #expect(kept(mask) == expected)
  }

  @Test("A rate of 0 keeps the smallest element under every tie rule, and nothing fails on none")
  func limits() {
    for tieBreak in Reference.TieBreak.allCases {
      #expect(kept(Reference.masks(of: [2, 1], rates: [0], tieBreak: tieBreak)[0]) == [0, 1])
      #expect(Reference.masks(of: [], rates: [0.5, 0], tieBreak: tieBreak).map(kept) == [[], []])
    }
  }

  @Test("Masks of falling rates are nested, of exact size, and spread over a tied tensor")
  func nested() {
    var generator = RepeatableGenerator(seed: 5)
    let delta = (0..<4000).map { _ in Float(generator.integer(in: -4...4)) * 0x1p-12 }
    let rates = [0.95, 0.9, 0.8, 0.7, 0.45, 0.2]
    for tieBreak in Reference.TieBreak.allCases {
      let masks = Reference.masks(of: delta, rates: rates, tieBreak: tieBreak)
      for (inner, outer) in zip(masks, masks.dropFirst()) {
        #expect(zip(inner.isKept, outer.isKept).allSatisfy { !$0 || $1 })
      }
    }
    let exact = Reference.masks(of: delta, rates: rates)
    // 0.2 asks for 3200 of about 3550 that are not zero.
    #expect(exact.map { kept($0).count } == [200, 400, 800, 1200, 2200, 3200])
    let inFirstHalf = kept(exact[2]).count { $0 < 2000 }
    #expect((360...440).contains(inFirstHalf))
  }

  @Test("Each partition amplifies its own elements; max takes the larger factor within")
  func amplification() {
    let masks = Reference.masks(of: Self.delta, rates: [0.8, 0.6])
    let ring = Reference.amplified(Self.delta, masks: masks, factors: [1.5, 4])
    #expect(ring.values == [4.5, -4, 0, 0, 0, 0, 4, 3, 0, 0])
    #expect(ring.kept == [2, 2])
    let largest = Reference.amplified(
      Self.delta, masks: masks, factors: [1.5, 4], combine: .max)
    #expect(largest.values == [12, -4, 0, 0, 0, 0, 4, 8, 0, 0])
    #expect(largest.kept == [2, 2])
    // Factors that do not grow outwards agree; magnitude counts, not sign.
    let falling = Reference.amplified(Self.delta, masks: masks, factors: [-4, 2], combine: .max)
    #expect(falling.values == [-12, -2, 0, 0, 0, 0, 2, -8, 0, 0])
  }

  @Test("A factor acts in Float32")
  func factorPrecision() {
    let masks = Reference.masks(of: [3], rates: [0])
    let amplified = Reference.amplified([3], masks: masks, factors: [1.1]).values
    // 3 * 1.1 in Double, rounded, is the next Float down.
    #expect(amplified == [Float(bitPattern: 0x4053_3334)])
    #expect(Float(3 * 1.1) == Float(bitPattern: 0x4053_3333))
  }
}
