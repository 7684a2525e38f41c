import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels that merge deltas") struct MergingTests {
  /// One delta per model, each with its own share of zeros, as after pruning.
  private func deltas(_ content: BlockContent, models: Int, count: Int) -> [[Float]] {
    (0..<models).map { model in
      var generator = BlockGenerator(state: UInt64(model))
      return content.values(count, seed: UInt64(model + 1)).map {
        generator.next() % 4 == 0 ? 0 : $0
      }
    }
  }

  /// Merges into a buffer of its own, and into each of the inputs.
  private func compare(
    _ deltas: [[Float]], with expected: [Float], _ context: String,
    merge: (UnsafePointer<UnsafePointer<Float>>, UnsafeMutablePointer<Float>) -> Void
  ) {
    for place in -1..<deltas.count {
      let blocks = deltas.map { Block($0) }
      let out = place < 0 ? Block<Float>(repeating: 12345, count: expected.count) : blocks[place]
      merge(blocks.map { UnsafePointer($0.pointer) }, out.pointer)
      #expect(out.values.patterns == expected.patterns, "\(context), into \(place)")
      #expect(out.isMarkUntouched)
    }
  }

  private func forEachCase(models: Int, _ body: ([[Float]], String) -> Void) {
    for content in BlockContent.finite {
      for count in [0, 1, 2, 15, 16, 63, 65, 1000] {
        body(deltas(content, models: models, count: count), "\(content) \(count)")
      }
    }
  }

  @Test("TIES elects a sign and averages what agrees", arguments: allKernels, [1, 2, 3, 4, 7])
  func ties(kernels: Kernels, models: Int) {
    forEachCase(models: models) { deltas, context in
      compare(deltas, with: ScalarKernels.mergedByTies(deltas), context) {
        kernels.mergeTies($0, modelCount: models, count: deltas[0].count, into: $1)
      }
    }
  }

  @Test("Sums are taken in model order", arguments: allKernels, [1, 2, 3, 4, 7])
  func sum(kernels: Kernels, models: Int) {
    forEachCase(models: models) { deltas, context in
      compare(deltas, with: ScalarKernels.mergedBySum(deltas), context) {
        kernels.mergeSum($0, modelCount: models, count: deltas[0].count, into: $1)
      }
    }
  }

  @Test("Means divide by the number of models", arguments: allKernels, [1, 2, 3, 4, 7])
  func mean(kernels: Kernels, models: Int) {
    forEachCase(models: models) { deltas, context in
      compare(deltas, with: ScalarKernels.mergedByMean(deltas), context) {
        kernels.mergeMean($0, modelCount: models, count: deltas[0].count, into: $1)
      }
    }
  }

  @Test("A zero sum elects the positive sign", arguments: allKernels)
  func zeroSum(kernels: Kernels) {
    let two: [[Float]] = [[1, -2, 0, -0.0], [-1, 2, 0, -0.0]]
    compare(two, with: [1, 2, 0, 0], "two models") {
      kernels.mergeTies($0, modelCount: 2, count: 4, into: $1)
    }
    let three: [[Float]] = [[3], [-1], [-2]]
    compare(three, with: [3], "three models") {
      kernels.mergeTies($0, modelCount: 3, count: 1, into: $1)
    }
  }

  @Test("Zeros do not count among those that agree", arguments: allKernels)
  func zerosAbstain(kernels: Kernels) {
    let deltas: [[Float]] = [[0, -1, 4], [3, 0, -1], [0, -2, 2]]
    compare(deltas, with: [3, -1.5, 3], "three models") {
      kernels.mergeTies($0, modelCount: 3, count: 3, into: $1)
    }
  }
}
