import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels that compare") struct ComparingTests {
  @Test("Sums of products, overlaps and signs equal the scalar reference")
  func compared() {
    for content in BlockContent.finite {
      for count in [0, 1, 15, 16, 77, 1024] {
        var generator = BlockGenerator(state: UInt64(count + 1))
        let rows = (1...2).map { row in
          content.values(count, seed: UInt64(row)).map { generator.next() % 3 == 0 ? 0 : $0 }
        }
        for (a, b) in [(rows[0], rows[1]), (rows[0], rows[0])] {
          let expected = ScalarKernels.compared(a, b)
          for kernels in allKernels {
            let (first, second) = (Block(a), Block(b))
            let found = kernels.compare(first.pointer, second.pointer, count: count)
            #expect(found.dot.bitPattern == expected.dot.bitPattern, "\(content) \(count)")
            #expect(found == expected)
          }
        }
      }
    }
  }

  @Test("Runs compared together are as each two of them would be, block after block")
  func together() {
    // More than the kernel takes are compared one by one.
    for runCount in [1, 4, 6, 16, 17] {
      let pairs = (0..<runCount).flatMap { high in (0..<high).map { ($0, high) } }.suffix(64)
      compare(runCount, Array(pairs), [.bellShaped])
    }
  }

  @Test("What is compared of two models is what each two runs would be, whatever they hold")
  func ofTwoModels() {
    compare(4, [(1, 2), (1, 3), (2, 3)], BlockContent.finite)
    compare(6, [(1, 2), (1, 3), (2, 3), (4, 5)], BlockContent.finite)
  }

  private func compare(
    _ runCount: Int, _ pairs: [RunComparison.Pair], _ contents: [BlockContent]
  ) {
    for content in contents {
      for counts in [[0], [1, 15], [64, 77], [1024, 1024, 200]] {
        var generator = BlockGenerator(state: UInt64(runCount))
        let blocks = counts.enumerated().map { block, count in
          (0..<runCount).map { run in
            content.values(count, seed: UInt64(100 * block + run))
              .map { generator.next() % 3 == 0 ? 0 : $0 }
          }
        }
        func expected(_ first: Int, _ second: Int) -> Comparison {
          blocks.reduce(into: Comparison()) {
            $0 += ScalarKernels.compared($1[first], $1[second])
          }
        }
        let own = (0..<runCount).map { expected($0, $0) }
        let others = pairs.map { expected($0.first, $0.second) }
        for kernels in allKernels {
          let comparison = RunComparison(
            runCount: runCount, pairs: pairs, kernels: kernels)
          for _ in 1...2 {
            comparison.clear()
            for block in blocks {
              let runs = block.map { Block($0) }
              for (run, values) in runs.enumerated() { comparison.set(run, values.pointer) }
              comparison.add(count: block[0].count)
            }
            #expect((0..<runCount).map { comparison.sum(ofRun: $0) } == own, "\(runCount)")
            #expect(others.indices.map { comparison.sum(ofPair: $0) } == others, "\(runCount)")
          }
        }
      }
    }
  }

  @Test("Numbers are counted by powers of two as one after the other would be")
  func sizes() {
    for content in BlockContent.finite {
      for count in [0, 1, 15, 64, 77, 1024, 2500] {
        let values =
          content.values(count, seed: UInt64(count + 3)) + [0, -0, 1, -0x1p-126, 0x1p-140]
        for (first, classes) in [(-32, 40), (-126, 254), (-3, 1)] {
          // What was counted before stays.
          let expected = ScalarKernels.sizes(values, first: first, classCount: classes).map {
            UInt32($0 + 7)
          }
          for kernels in allKernels {
            let block = Block(values)
            var counts = [UInt32](repeating: 7, count: classes)
            counts.withUnsafeMutableBufferPointer { counts in
              kernels.countSizes(
                block.pointer, count: values.count, firstExponent: first, classCount: classes,
                into: counts.baseAddress!)
            }
            #expect(counts == expected, "\(content) \(count) from \(first)")
          }
        }
      }
    }
  }
}
