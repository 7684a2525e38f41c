import Foundation
import SluiceCore
import SluiceDataflow
import SluiceFormats
import SluiceStages
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// Tables of offsets, against what sorting all of them gives.
@Suite("Offsets") struct OffsetTests {
  private func survey(
    _ merge: TinyMerge, _ directory: ScratchDirectory, _ index: Int, path: String? = nil,
    run: RunOptions = RunOptions(threads: 2)
  ) throws -> ModelOffsets {
    let name = merge.family.fineTuned[index].name
    return try OffsetSurvey(
      OffsetSurvey.Request(
        base: directory("base"), name: name, model: path ?? directory("model-" + name)),
      options: run
    ).run()
  }

  /// The deltas of a model's linear layers, by name.
  private func deltas(_ family: ModelFamily, _ index: Int) throws -> [String: [Float]] {
    var deltas: [String: [Float]] = [:]
    let (base, tuned) = (family.base.unstacked, family.fineTuned[index].model.unstacked)
    for tensor in base.tensors
    where Reference.isLinear(name: tensor.name, rank: tensor.shape.rank) {
      guard let own = tuned[tensor.name] else { continue }
      let (first, second) = (try #require(tensor.floats), try #require(own.floats))
      deltas[tensor.name] = zip(first, second).map { $1 - $0 }
    }
    return deltas
  }

  private func expectSame(_ found: ModelOffsets, equals deltas: [String: [Float]]) throws {
    let all = deltas.values.flatMap { $0 }
    #expect(found.layers.count == deltas.count && found.elementCount == all.count)
    let ranks = (0...10).map { max(1, Int((Double(all.count * $0) / 10).rounded(.up))) - 1 }
    let ascending = all.sorted()
    let magnitudes = all.map(\.magnitude).sorted()
    #expect(found.magnitudes == ranks.map { Double(magnitudes[$0]) })
    if let signed = found.signed {
      #expect(signed == ranks.map { Double(ascending[$0]) })
    } else {
      #expect(found.isStored)
    }
    #expect(found.mean == Reference.statistics(of: all).mean)
    for layer in found.layers {
      let expected = Reference.statistics(of: try #require(deltas[layer.name]))
      #expect(layer.significance == expected.significance, "\(layer.name)")
      #expect(layer.mean == expected.mean && layer.zeroCount == expected.zeros, "\(layer.name)")
    }
  }

  @Test(
    "deciles and significance equal those of the sorted offsets",
    arguments: zip([DType.bf16, .f16, .f32], [1, 2, 3]))
  func tables(dtype: DType, threads: Int) throws {
    var spec = FamilySpec(seed: 31 + UInt64(threads))
    spec.baseDType = dtype
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = dtype }
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory, layout: ShardingLayout.samples[threads % 6])
    for index in merge.family.fineTuned.indices {
      var run = RunOptions(threads: threads)
      run.io = threads == 1 ? .mmap : .pread
      run.stripElements = 2 * Granularity.grainElements
      let found = try survey(merge, directory, index, run: run)
      try expectSame(found, equals: try deltas(merge.family, index))
      #expect(found.signed != nil)
    }
  }

  @Test("a store gives the same numbers without a look at the model, but for the signs")
  func stored() throws {
    let merge = TinyMerge(FamilySpec(seed: 12).build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let name = merge.family.fineTuned[0].name
    let store = try directory.store(of: name)
    try FileManager.default.removeItem(atPath: directory("model-" + name))
    let found = try survey(merge, directory, 0, path: store)
    #expect(found.isStored && found.signed == nil)
    try expectSame(found, equals: try deltas(merge.family, 0))
  }

  @Test("a store of F32 weights that leaves some out is refused")
  func storedF32() throws {
    var spec = FamilySpec(seed: 13)
    spec.baseDType = .f32
    for index in spec.fineTunes.indices { spec.fineTunes[index].dtype = .f32 }
    let merge = TinyMerge(spec.build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let name = merge.family.fineTuned[0].name
    for (rate, isRefused) in [(0.9, true), (0, false)] {
      let request = PruneRun.Request(
        base: directory("base"), model: directory("model-" + name),
        pruningRate: try #require(PruningRate(rate)))
      let path = directory("store-\(rate)")
      _ = try PruneRun(request, options: RunOptions(threads: 1), output: path).run()
      if isRefused {
        #expect(throws: PipelineError.self) { try survey(merge, directory, 0, path: path) }
      } else {
        try expectSame(
          try survey(merge, directory, 0, path: path), equals: try deltas(merge.family, 0))
      }
    }
  }

  @Test("a cancelled survey says why it ended") func cancelled() throws {
    let merge = TinyMerge(FamilySpec(seed: 14).build())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let cancellation = Cancellation()
    cancellation.stop(.signal(15))
    let name = merge.family.fineTuned[0].name
    let survey = try OffsetSurvey(
      OffsetSurvey.Request(
        base: directory("base"), name: name, model: directory("model-" + name)),
      options: RunOptions(threads: 1))
    let error = #expect(throws: (any Error).self) { try survey.run(cancellation: cancellation) }
    #expect((error as? any SluiceError)?.failure.exitCode == .terminated)
  }

  @Test(
    "the advice follows the size of offsets",
    arguments: [
      (0, ModelOffsets.Advice.unchanged), (0.0001, .dare), (0.0002, .dare), (0.0005, .either),
      (0.001, .dppa), (0.0016, .dppa),
    ])
  func advice(reach: Double, expected: ModelOffsets.Advice) {
    let offsets = ModelOffsets(
      name: "m", path: "m", isStored: false, significanceMultiple: 5, signed: nil,
      magnitudes: Array(repeating: reach, count: 11), mean: reach, layers: [])
    #expect(offsets.advice == expected)
  }
}
