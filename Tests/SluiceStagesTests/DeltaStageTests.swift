import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

@Suite("Taking deltas") struct DeltaStageTests {
  /// The deltas of all models, tile by tile, each compared with the other way to take them.
  private func deltas(
    of tensor: HandMadeTensor, names: [String], kernels: Kernels
  ) throws -> [[Float]] {
    let parts = try tensor.read(.pread) { chunk -> [[Float]] in
      let buffers = TileBuffers(modelCount: names.count)
      let stage = DeltaStage(modelNames: names, buffers: buffers, kernels: kernels)
      var values = [[Float]](repeating: [], count: names.count)
      for tile in chunk.tiles(of: buffers.tileElements, in: 0..<chunk.elements.count) {
        try stage.widenBase(chunk, tile)
        for model in names.indices {
          try stage.takeDelta(model, chunk, tile)
          let own = Array(UnsafeBufferPointer(start: buffers.delta(of: model), count: tile.count))
          values[model] += own
          guard chunk.hasBase(tile) else { continue }
          try stage.takeDifference(model, chunk, tile)
          let again = Array(UnsafeBufferPointer(start: buffers.delta(of: model), count: tile.count))
          expectSame(again, own)
        }
      }
      return values
    }
    return names.indices.map { model in parts.flatMap { $0[model] } }
  }

  @Test(
    "they are tuned - base in Float32, and zero where a model has no element",
    arguments: allKernels, [DType.bf16, .f16, .f32])
  func formula(kernels: Kernels, dtype: DType) throws {
    let count = 5000
    let base = HandMadeTensor.Model(dtype, someWeights(4001, seed: 1))
    let tuned: [HandMadeTensor.Model?] = [
      .init(dtype, someWeights(count, seed: 2)), nil, .init(.f32, someWeights(3900, seed: 3)),
      .init(.f64, someWeights(count, seed: 4)),
    ]
    let tensor = try HandMadeTensor(elementCount: count, base: base, tuned: tuned)
    let found = try deltas(of: tensor, names: ["a", "b", "c", "d"], kernels: kernels)
    let zeros = [Float](repeating: 0, count: count)
    for (model, own) in zip(tuned, found) {
      // Rows that the base does not have count from zero.
      let values = base.values + zeros[base.elementCount...]
      let expected =
        zip(values, model?.values ?? values).map { $1 - $0 }
        + (model.map { zeros[$0.elementCount...] } ?? [])
      expectSame(own, expected)
    }
  }

  @Test(
    "a weight that is not finite is named with its model and element",
    arguments: [Float.nan, .infinity, -.infinity], [nil, 0, 1] as [Int?])
  func notFinite(value: Float, model: Int?) throws {
    // In the second chunk.
    var models = [DType.bf16, .bf16, .f32].map { HandMadeTensor.Model($0, zeros: 66_000) }
    models[model.map { $0 + 1 } ?? 0][65_777] = value
    let tensor = try HandMadeTensor(base: models[0], tuned: [models[1], models[2]])
    let error = #expect(throws: StageError.self) {
      try deltas(of: tensor, names: ["math", "law"], kernels: .best)
    }
    #expect(error?.failure.exitCode == .badInput)
    #expect(error?.failure.subject.model == (model.map { ["math", "law"][$0] } ?? "base"))
    #expect(error?.failure.subject.tensor == "layers.0.w.weight")
    #expect(error?.failure.message.hasPrefix("element 65777: ") == true)
  }

  @Test("two finite weights whose difference is not") func overflow() throws {
    let tensor = try HandMadeTensor(
      base: .init(.f32, [1, -3e38]), tuned: [.init(.f32, [1, 3e38])])
    let error = #expect(throws: StageError.self) {
      try deltas(of: tensor, names: ["math"], kernels: .best)
    }
    #expect(error?.failure.subject.model == "math")
    #expect(error?.failure.message.hasPrefix("element 1: ") == true)
  }

  @Test("tiles end where the base or a model does") func borders() {
    let tiles = Array(
      ChunkTiles(0..<3000, tileElements: 1024, borders: [100, 2048, 2900], origin: 0))
    #expect(tiles == [0..<100, 100..<1024, 1024..<2048, 2048..<2900, 2900..<3000])
    #expect(Array(ChunkTiles(5..<2000, tileElements: 1024)) == [5..<1029, 1029..<2000])
    #expect(Array(ChunkTiles(0..<0, tileElements: 1024)).isEmpty)
  }
}
