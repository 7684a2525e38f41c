import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels that elect a sign") struct ElectingTests {
  private func deltas(_ content: BlockContent, models: Int, count: Int) -> [[Float]] {
    (0..<models).map { model in
      var generator = BlockGenerator(state: UInt64(model))
      return content.values(count, seed: UInt64(model + 1)).map {
        generator.next() % 4 == 0 ? 0 : $0
      }
    }
  }

  @Test(
    "Every aggregation and rule for zero sums equals the scalar reference",
    arguments: ElectedAggregation.allCases, [1, 2, 3, 5])
  func elected(aggregation: ElectedAggregation, models: Int) {
    let weights: [Float] = [0.5, 1.25, -0.75, 0, 3].prefix(models).map { $0 }
    for content in BlockContent.finite {
      for zeroSign in ZeroSign.allCases {
        let deltas = deltas(content, models: models, count: 77)
        let expected = ScalarKernels.elected(
          deltas, weights: weights, zeroSign: zeroSign, aggregation: aggregation)
        for kernels in allKernels {
          let blocks = deltas.map { Block($0) }
          let out = Block<Float>(repeating: 12345, count: 77)
          kernels.mergeElected(
            blocks.map { UnsafePointer($0.pointer) }, weights: weights, modelCount: models,
            count: 77, zeroSign: zeroSign, aggregation: aggregation, into: out.pointer)
          #expect(out.values.patterns == expected.patterns, "\(content) \(zeroSign)")
          #expect(out.isMarkUntouched)
        }
      }
    }
  }

  @Test("Signs of sums are counted", arguments: [1, 2, 4])
  func signs(models: Int) {
    for content in BlockContent.finite {
      for count in [0, 1, 16, 63, 300] {
        let deltas = deltas(content, models: models, count: count)
        let expected = (0..<count).reduce(0) { total, index in
          let sum = ScalarKernels.sum(deltas, at: index)
          return total + (sum > 0 ? 1 : sum < 0 ? -1 : 0)
        }
        for kernels in allKernels {
          let blocks = deltas.map { Block($0) }
          let found = kernels.countSigns(
            blocks.map { UnsafePointer($0.pointer) }, modelCount: models, count: count)
          #expect(found == expected)
        }
      }
    }
  }
}
