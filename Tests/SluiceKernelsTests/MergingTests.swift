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

  private typealias Merge = (
    Kernels, _ deltas: UnsafePointer<UnsafePointer<Float>>, _ count: Int,
    _ merged: UnsafeMutablePointer<Float>
  ) -> Void

  /// Merges at every level, into a buffer of its own and into the first and last of the inputs.
  private func compare(
    _ deltas: [[Float]], with expected: [Float], _ context: String, merge: Merge
  ) {
    for kernels in allKernels {
      for place in [nil, 0, deltas.count - 1] as Set<Int?> {
        let blocks = deltas.map { Block($0) }
        let out = place.map { blocks[$0] } ?? Block(repeating: 12345, count: expected.count)
        merge(kernels, blocks.map { UnsafePointer($0.pointer) }, expected.count, out.pointer)
        let detail = "\(context), \(kernels.level.name), into \(place.map(String.init) ?? "own")"
        #expect(out.values.patterns == expected.patterns, "\(detail)")
        #expect(out.isMarkUntouched, "\(detail)")
        for block in blocks { block.keep() }
      }
    }
  }

  private func compareAll(models: Int, with reference: ([[Float]]) -> [Float], merge: Merge) {
    for content in BlockContent.finite {
      for count in [0, 1, 2, 15, 16, 63, 65, 300] {
        let deltas = deltas(content, models: models, count: count)
        compare(deltas, with: reference(deltas), "\(content) \(count)", merge: merge)
      }
    }
  }

  @Test("TIES elects a sign and averages what agrees", arguments: [1, 2, 3, 4, 7])
  func ties(models: Int) {
    compareAll(models: models, with: ScalarKernels.mergedByTies) {
      $0.mergeTies($1, modelCount: models, count: $2, into: $3)
    }
  }

  @Test("Sums are taken in model order", arguments: [1, 2, 3, 4, 7])
  func sum(models: Int) {
    compareAll(models: models, with: ScalarKernels.mergedBySum) {
      $0.mergeSum($1, modelCount: models, count: $2, into: $3)
    }
  }

  @Test("Means divide by the number of models", arguments: [1, 2, 3, 4, 7])
  func mean(models: Int) {
    compareAll(models: models, with: ScalarKernels.mergedByMean) {
      $0.mergeMean($1, modelCount: models, count: $2, into: $3)
    }
  }

  @Test("A zero sum elects the positive sign")
  func zeroSum() {
    let two: [[Float]] = [[1, -2, 0, -0.0], [-1, 2, 0, -0.0]]
    compare(two, with: [1, 2, 0, 0], "two models") {
      $0.mergeTies($1, modelCount: 2, count: $2, into: $3)
    }
    let three: [[Float]] = [[3], [-1], [-2]]
    compare(three, with: [3], "three models") {
      $0.mergeTies($1, modelCount: 3, count: $2, into: $3)
    }
  }

  @Test("Zeros do not count among those that agree")
  func zerosAbstain() {
    let deltas: [[Float]] = [[0, -1, 4], [3, 0, -1], [0, -2, 2]]
    compare(deltas, with: [3, -1.5, 3], "three models") {
      $0.mergeTies($1, modelCount: 3, count: $2, into: $3)
    }
  }
}
