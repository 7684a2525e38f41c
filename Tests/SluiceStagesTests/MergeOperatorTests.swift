import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Merge operators") struct MergeOperatorTests {
  /// Merges the deltas of some models in one lane, tile by tile.
  private func merge(
    _ rule: any MergeOperator, _ deltas: [[Float]], kernels: Kernels = .best
  ) throws -> [Float] {
    let lane = rule.makeLane(kernels: kernels)
    try lane.begin(TransformRun(deltas[0]).strips[0])
    let buffers = TileBuffers(modelCount: deltas.count)
    var merged: [Float] = []
    for start in stride(from: 0, to: deltas[0].count, by: 1000) {
      let count = min(1000, deltas[0].count - start)
      for (model, values) in deltas.enumerated() {
        for index in 0..<count { buffers.delta(of: model)[index] = values[start + index] }
      }
      try lane.merge(
        MergeTile(
          deltas: buffers.deltaRows, modelCount: deltas.count, count: count,
          merged: buffers.merged.pointer, firstElement: start))
      merged += UnsafeBufferPointer(start: buffers.merged.pointer, count: count)
    }
    return merged
  }

  private func deltas(models: Int, count: Int = 3001) -> [[Float]] {
    (0..<models).map { someDeltas(count, seed: UInt64(31 + $0), distinct: 4) }
  }

  @Test("ties, average and sum are their formulas", arguments: allKernels, 1...5)
  func plain(kernels: Kernels, models: Int) throws {
    let deltas = deltas(models: models)
    let columns = deltas[0].indices.map { index in deltas.map { $0[index] } }
    #expect(
      try merge(TiesOperator(), deltas, kernels: kernels) == columns.map { Reference.ties($0) })
    #expect(
      try merge(MeanOperator(), deltas, kernels: kernels)
        == columns.map { $0.dropFirst().reduce($0[0], +) / Float(models) })
    #expect(
      try merge(SumOperator(), deltas, kernels: kernels)
        == columns.map { $0.dropFirst().reduce($0[0], +) })
  }

  @Test("elections are theirs", arguments: ZeroSign.allCases, ElectedAggregation.allCases)
  func elections(zeroSign: ZeroSign, aggregation: ElectedAggregation) throws {
    let deltas = deltas(models: 3)
    let rule = ElectionOperator(
      zeroSign: zeroSign, aggregation: aggregation, modelCount: 3, factors: ModelFactors())
    for kernels in allKernels {
      let found = try merge(rule, deltas, kernels: kernels)
      let expected = ScalarKernels.elected(
        deltas, weights: [0.5, 1, 1.5], zeroSign: zeroSign, aggregation: aggregation)
      #expect(found == expected)
    }
  }

  @Test("an election in which nothing but the sign of zero sums differs differs only there")
  func zeroSums() throws {
    let deltas: [[Float]] = [[1, 1, -2, 0], [-1, 1, 2, 0]]
    func elect(_ sign: ZeroSign) throws -> [Float] {
      try merge(
        ElectionOperator(
          zeroSign: sign, aggregation: .mean, modelCount: 2, factors: OneFactor(1)), deltas)
    }
    #expect(try elect(.positive) == [1, 1, 2, 0])
    #expect(try elect(.negative) == [-1, 1, -2, 0])
    #expect(try elect(.drop) == [0, 1, 0, 0])
  }

  /// Weights that grow with the model.
  private struct ModelFactors: FactorSource {
    func factor(of task: TensorTask, model: Int) -> Float { 0.5 * Float(model + 1) }
  }
}
