import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Masks by magnitude") struct MaskStageTests {
  private static let rates = [0.97, 0.8, 0.5]

  @Test(
    "each partition keeps what the reference keeps, whatever the strips and tiles",
    arguments: Reference.TieBreak.allCases, [[1024], [1024, 1, 63, 64, 65, 1000]])
  func partitions(rule: Reference.TieBreak, tileLengths: [Int]) throws {
    // Twelve distinct magnitudes, so that every cut has thousands of ties, in both strips.
    let deltas = someDeltas(67_001, seed: 11, distinct: 12)
    let masks = Reference.masks(of: deltas, rates: MaskStageTests.rates, tieBreak: rule)
    var run = TransformRun(deltas)
    run.partitionCount = masks.count
    run.tileLengths = tileLengths
    let stage = MaskStage(
      cuts: ReferenceCuts(deltas, masks),
      tieBreak: try #require(TieBreak(rawValue: rule.rawValue)))
    let found = try run.apply([stage], to: deltas)
    let isSame = found.kept == masks.map(\.isKept)
    #expect(isSame)
    expectSame(found.values, ScalarKernels.masked(deltas, keep: masks[masks.count - 1].isKept))
  }

  @Test(
    "the exact number is kept by the rules that promise it", arguments: [0.1, 0.37, 0.9, 0.999])
  func exactNumber(rate: Double) throws {
    let deltas = someDeltas(5000, seed: 12, distinct: 5)
    let nonZero = deltas.count { $0 != 0 }
    for rule in [Reference.TieBreak.spread, .index] {
      let masks = Reference.masks(of: deltas, rates: [rate], tieBreak: rule)
      let found = try TransformRun(deltas).apply(
        [
          MaskStage(
            cuts: ReferenceCuts(deltas, masks),
            tieBreak: try #require(TieBreak(rawValue: rule.rawValue)))
        ], to: deltas)
      let quota = Reference.quota(elements: deltas.count, rate: rate)
      #expect(found.values.count { $0 != 0 } == min(quota, nonZero))
    }
  }

  @Test("the first ties stay by index, and ties are spread over the tensor by spread")
  func tieRules() throws {
    let deltas = [Float](repeating: 0.5, count: 1000)
    func kept(_ rule: Reference.TieBreak) throws -> [Int] {
      let masks = Reference.masks(of: deltas, rates: [0.9], tieBreak: rule)
      let stage = MaskStage(
        cuts: ReferenceCuts(deltas, masks),
        tieBreak: try #require(TieBreak(rawValue: rule.rawValue)))
      let values = try TransformRun(deltas).apply([stage], to: deltas).values
      return values.indices.filter { values[$0] != 0 }
    }
    #expect(try kept(.index) == Array(0..<100))
    #expect(try kept(.drop).isEmpty)
    #expect(try kept(.keep) == Array(0..<1000))
    let spread = try kept(.spread)
    #expect(spread.count == 100)
    // Of every 125 neighbours as many as of all, one more or less.
    for start in stride(from: 0, to: 1000, by: 125) {
      let share = spread.count { (start..<start + 125).contains($0) }
      #expect((11...14).contains(share), "\(share) from \(start)")
    }
  }

  @Test("rate 0 keeps all that is not zero, rate 1 nothing", arguments: Reference.TieBreak.allCases)
  func extremes(rule: Reference.TieBreak) throws {
    let deltas = someDeltas(3000, seed: 13)
    let masks = Reference.masks(of: deltas, rates: [1, 0], tieBreak: rule)
    var run = TransformRun(deltas)
    run.partitionCount = 2
    let stage = MaskStage(
      cuts: ReferenceCuts(deltas, masks),
      tieBreak: try #require(TieBreak(rawValue: rule.rawValue)))
    let found = try run.apply([stage], to: deltas)
    #expect(!found.kept[0].contains(true))
    #expect(found.kept[1] == deltas.map { $0 != 0 })
    // What is dropped becomes +0, also where it was -0.
    expectSame(found.values, deltas.map { $0 == 0 ? 0 : $0 })
  }

  @Test("the trim keeps what one mask keeps, in linear layers and dense tensors alike")
  func trim() throws {
    let deltas = someDeltas(66_000, seed: 14, distinct: 9)
    for rule in Reference.TieBreak.allCases {
      let masks = Reference.masks(of: deltas, rates: [0.8], tieBreak: rule)
      let stage = TrimStage(
        cuts: ReferenceCuts(deltas, masks),
        tieBreak: try #require(TieBreak(rawValue: rule.rawValue)))
      #expect(stage.scope == .all)
      var run = TransformRun(deltas)
      run.tileLengths = [1 << 16, 1000, 4096]
      let found = try run.apply([stage], to: deltas)
      expectSame(found.values, ScalarKernels.masked(deltas, keep: masks[0].isKept))
    }
  }
}

@Suite("Masks at random and by row") struct OtherMaskTests {
  private func rates(_ values: [Double]) throws -> [PruningRate] {
    try values.map { try #require(PruningRate($0)) }
  }

  @Test("an element stays if its draw reaches the rate, whatever the strips and tiles")
  func random() throws {
    let deltas = someDeltas(66_000, seed: 15)
    for (model, name) in [(0, "layers.0.w.weight"), (3, "another")] {
      let stage = RandomMaskStage(
        rates: SameRates(try rates([0.95, 0.7])), seed: 42, scope: .linear)
      var run = TransformRun(deltas, name: name)
      run.partitionCount = 2
      run.model = model
      run.tileLengths = [1024, 1, 64, 500, 4096]
      let found = try run.apply([stage], to: deltas)
      let draws = deltas.indices.map {
        Reference.dareDraw(seed: 42, model: model, tensor: name, index: $0)
      }
      let kept = [0.95, 0.7].map { rate in
        draws.map { $0 >= UInt32((rate * 0x1p24).rounded()) }
      }
      let isSame = found.kept == kept
      #expect(isSame)
      expectSame(found.values, ScalarKernels.masked(deltas, keep: kept[1]))
    }
  }

  @Test(
    "what is left is scaled up by 1 / (1 - rate), if that is asked for", arguments: [true, false])
  func drop(isRescaled: Bool) throws {
    let deltas = someDeltas(5000, seed: 16)
    let stage = DropStage(
      rate: try #require(PruningRate(0.75)), seed: 7, scope: .all, isRescaled: isRescaled)
    let found = try TransformRun(deltas).apply([stage], to: deltas).values
    let factor: Float = isRescaled ? 4 : 1
    for (index, delta) in deltas.enumerated() {
      let draw = Reference.dareDraw(seed: 7, model: 0, tensor: "layers.0.w.weight", index: index)
      let expected = draw >= UInt32(0.75 * 0x1p24) ? delta : 0
      #expect(found[index] == expected * factor)
    }
  }

  @Test(
    "each row loses its smallest scores, the first of equal ones first", arguments: [0.0, 0.5, 0.9])
  func rows(rate: Double) throws {
    // The second strip begins inside of a row.
    let (rows, columns) = (660, 100)
    let deltas = someDeltas(rows * columns, seed: 17, distinct: 6)
    var random = RepeatableGenerator(seed: 18)
    let norms = (0..<columns).map { _ in Float(random.choice([0, 0.5, 1, 1, 2.25])) }
    let selection = RowSelection(columnCount: columns, kernels: .best)
    let cuts = try deltas.withUnsafeBufferPointer { buffer in
      let first = try #require(buffer.baseAddress)
      return (0..<rows).map { selection.cut(first + $0 * columns, norms: norms, rate: rate) }
    }
    var run = TransformRun(deltas, columnCount: columns)
    run.tileLengths = [1024, 7, 300]
    let stage = RowMaskStage(HandMadeRows(norms: norms, cuts: cuts, columns: columns))
    let found = try run.apply([stage], to: deltas).values
    let removed = Int((rate * Double(columns)).rounded(.down))
    for row in 0..<rows {
      var expected = Array(deltas[row * columns..<(row + 1) * columns])
      let scores = expected.indices.map { expected[$0].magnitude * norms[$0] }
      let order = expected.indices.sorted { (scores[$0], $0) < (scores[$1], $1) }
      for column in order.prefix(removed) { expected[column] = 0 }
      expectSame(Array(found[row * columns..<(row + 1) * columns]), expected)
    }
  }

  /// Cuts of rows that are known already; a strip gets those of the rows that it touches.
  private struct HandMadeRows: RowCutSource {
    let norms: [Float]
    let cuts: [RowCut]
    let columns: Int

    func rowCuts(of strip: Strip, model: Int) -> RowCuts {
      let first = strip.elements.lowerBound / columns
      let last = (strip.elements.upperBound - 1) / columns
      return RowCuts(norms: norms, firstRow: first, cuts: Array(cuts[first...last]))
    }
  }
}
