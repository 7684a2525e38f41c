import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Selecting the elements above a cut") struct SelectionTests {
  @Test("Bits reverse as in the golden values")
  func bitReversal() {
    let golden: [UInt32] = [
      0, 2_147_483_648, 1_073_741_824, 3_221_225_472, 536_870_912, 2_684_354_560,
    ]
    #expect((0..<6).map { ScalarKernels.bitReversed($0) } == golden)
  }

  @Test("Three of eight tied elements are the numbers 0, 4 and 2", arguments: allKernels)
  func goldenTies(kernels: Kernels) {
    let delta = [Float](repeating: 0.5, count: 8)
    // The reversed numbers of 0, 4 and 2 are below 3 eighths of the range.
    var cursor = TieCursor(threshold: Float(0.5).bitPattern, rule: .spread, limit: 3 << 29)
    var keep: UInt64 = 0
    #expect(kernels.select(delta, count: 8, cursor: &cursor, keep: &keep) == 3)
    #expect(keep == 0b10101)
    #expect(cursor.next == 8)
  }

  private static let limits: [UInt64] = [
    0, 1, 2, 1 << 25, (1 << 26) - 1, 1 << 26, (1 << 26) + 1, 3 << 26 | 12345, 0x5555_5555,
    1 << 31, 0x9999_9999, (1 << 32) - 1, 1 << 32,
  ]

  /// Selects in blocks of all lengths with one cursor, and compares each with the reference.
  private func compare(
    _ kernels: Kernels, _ content: BlockContent, _ start: TieCursor, lengths: [Int] = blockLengths
  ) {
    var cursor = start
    var scalar = start
    for count in lengths {
      let delta = content.values(count, seed: UInt64(count))
      let keep = Block<UInt64>(repeating: .max, count: Kernels.keepWordCount(count))
      let kept = kernels.select(delta, count: count, cursor: &cursor, keep: keep.pointer)
      let expected = ScalarKernels.select(delta, cursor: &scalar)
      #expect(keep.values == ScalarKernels.keepWords(expected), "\(content) \(start) \(count)")
      #expect(kept == expected.count { $0 })
      #expect(cursor == scalar)
      #expect(keep.isMarkUntouched)
    }
  }

  @Test("A cut keeps what the reference keeps", arguments: allKernels, TieCursor.Rule.allCases)
  func select(kernels: Kernels, rule: TieCursor.Rule) {
    for content in BlockContent.finite {
      let sorted = content.values(1000).map(ScalarKernels.magnitudeBits).sorted()
      for place in [0, 700, 999] {
        let cursor = TieCursor(threshold: max(1, sorted[place]), rule: rule, limit: 1000)
        compare(kernels, content, cursor)
      }
    }
  }

  @Test(
    "Pruning in the same walk keeps and multiplies as the references do", arguments: allKernels,
    TieCursor.Rule.allCases)
  func prune(kernels: Kernels, rule: TieCursor.Rule) {
    let factors = [1.3, 0.7, -2] as [Float]
    for content in BlockContent.finite {
      let sorted = content.values(1000).map(ScalarKernels.magnitudeBits).sorted()
      // The rule of the second cut is another, or the same.
      for (cutCount, other) in [(1, rule), (2, .spread), (2, .keepAll), (3, .index)] {
        let start = zip([950, 700, 300], [rule, other, rule]).prefix(cutCount).map {
          TieCursor(threshold: max(1, sorted[$0]), rule: $1, limit: 3 << 29)
        }
        compare(kernels, content, start, factors: Array(factors.prefix(cutCount)))
      }
    }
  }

  /// Selects and prunes in blocks of all lengths with the same cursors, and compares each with the references.
  private func compare(
    _ kernels: Kernels, _ content: BlockContent, _ start: [TieCursor], factors: [Float]
  ) {
    var scalar = start
    let cuts = MovingCuts(capacity: start.count)
    cuts.begin(start, factors: factors)
    for count in blockLengths {
      let values = content.values(count, seed: UInt64(count))
      let block = Block(values)
      let words = start.map { _ in
        Block<UInt64>(repeating: .max, count: Kernels.keepWordCount(count))
      }
      kernels.selectAndPrune(
        block.pointer, count: count, cuts: cuts, keep: words.map(\.pointer))
      let kept = scalar.indices.map { ScalarKernels.select(values, cursor: &scalar[$0]) }
      #expect(words.map(\.values) == kept.map { ScalarKernels.keepWords($0) })
      let amplified = ScalarKernels.amplified(values, partitions: kept, factors: factors)
      let held = values.indices.map { index in kept.contains { $0[index] } }
      let expected = ScalarKernels.masked(amplified, keep: held)
      #expect(block.values.patterns == expected.patterns, "\(content) \(start) \(count)")
      #expect(scalar.indices.map { cuts.next(of: $0) } == scalar.map(\.next))
      #expect(block.isMarkUntouched && words.allSatisfy(\.isMarkUntouched))
    }
  }

  @Test("Ties spread as the reference spreads them", arguments: allKernels, limits)
  func spread(kernels: Kernels, limit: UInt64) {
    for next in [0, 1, 63, 64, 100_000_007, (1 << 32) - 100] as [UInt64] {
      for content in [BlockContent.equal, .signedZeros] {
        let threshold = content == .equal ? Float(0.25) : 1
        let cursor = TieCursor(
          threshold: threshold.bitPattern, rule: .spread, limit: limit, next: next)
        compare(kernels, content, cursor, lengths: [65, 17, 300])
      }
    }
  }

  @Test("The first ties are kept by the index rule", arguments: allKernels)
  func index(kernels: Kernels) {
    for limit in [0, 1, 63, 64, 65, 200, 1 << 40] as [UInt64] {
      let cursor = TieCursor(threshold: Float(0.25).bitPattern, rule: .index, limit: limit)
      compare(kernels, .equal, cursor)
    }
  }

  @Test(
    "A cut at infinity or above keeps nothing", arguments: allKernels,
    [UInt32(0x7f80_0000), 0x7fff_ffff, .max])
  func nothing(kernels: Kernels, threshold: UInt32) {
    let delta = BlockContent.anyFinite.values(1000)
    for rule in TieCursor.Rule.allCases {
      var cursor = TieCursor(threshold: threshold, rule: rule, limit: 1 << 32)
      let keep = Block<UInt64>(repeating: .max, count: 16)
      #expect(kernels.select(delta, count: 1000, cursor: &cursor, keep: keep.pointer) == 0)
      #expect(keep.values == [UInt64](repeating: 0, count: 16))
      #expect(cursor.next == 0)
    }
  }

  @Test("A row is cut where the reference cuts it", arguments: allKernels)
  func cutRow(kernels: Kernels) {
    for content in BlockContent.finite {
      for count in blockLengths where count > 0 {
        let values = content.values(count, seed: UInt64(count))
        for kept in Set([1, 2, count / 5, count / 2, count - 1, count]) where 1...count ~= kept {
          let expected = ScalarKernels.cutRow(values, kept: kept)
          for guess in [0, 1, expected.threshold, expected.threshold + 1, .max] {
            let found = kernels.cutRow(values, count: count, kept: kept, guess: guess)
            let isSame = found == expected
            #expect(isSame, "\(content), \(kept) of \(count), \(guess)")
          }
        }
      }
    }
  }

  @Test("What reaches a magnitude is kept", arguments: allKernels)
  func keepReaching(kernels: Kernels) {
    for content in BlockContent.finite {
      for count in blockLengths {
        let values = content.values(count, seed: UInt64(count))
        let sorted = values.map(ScalarKernels.magnitudeBits).sorted()
        for bits in [0, 1, count > 0 ? sorted[count / 2] : 7, 0x7f80_0000] {
          let kept = Block(values, after: 7)
          kernels.keepReaching(kept.pointer, count: count, bits: bits)
          let expected = values.map { ScalarKernels.magnitudeBits($0) >= bits ? $0 : 0 }
          #expect(kept.values.map(\.bitPattern) == expected.map(\.bitPattern), "\(content)")
          #expect(kept.isMarkUntouched)
        }
      }
    }
  }

  @Test("Zeros are not kept by the lowest cut", arguments: allKernels)
  func lowestCut(kernels: Kernels) {
    let delta = BlockContent.signedZeros.values(1000)
    var cursor = TieCursor(threshold: 1, rule: .keepAll)
    let keep = Block<UInt64>(repeating: 0, count: 16)
    let kept = kernels.select(delta, count: 1000, cursor: &cursor, keep: keep.pointer)
    #expect(kept == delta.count { $0 != 0 })
  }

  @Test("Masks of smaller limits are inside those of larger ones", arguments: allKernels)
  func nested(kernels: Kernels) {
    let delta = BlockContent.fewValues.values(4096)
    let words = Kernels.keepWordCount(4096)
    for rule in [TieCursor.Rule.spread, .index] {
      var inner = [UInt64](repeating: 0, count: words)
      for limit in [10, 100, 1 << 28, 1 << 31, 1 << 32] as [UInt64] {
        var cursor = TieCursor(threshold: Float(0x1p-9).bitPattern, rule: rule, limit: limit)
        var outer = [UInt64](repeating: 0, count: words)
        _ = kernels.select(delta, count: 4096, cursor: &cursor, keep: &outer)
        #expect(zip(inner, outer).allSatisfy { $0 & ~$1 == 0 })
        inner = outer
      }
    }
  }
}
