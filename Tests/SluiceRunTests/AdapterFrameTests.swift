import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceStages
import SluiceTestSupport
import Testing

/// Adapters beside frames, and in them.
@Suite("Adapters and frames") struct AdapterFrameTests {
  @Test("A store of an adapter's compensated deltas merges like the adapter, compensated")
  func compensatedStores() throws {
    let scene = try AdapterScene(AdapterScene.base(.bf16))
    var recipe = scene.recipe([0, 1]) {
      $0.pruning = .dppa
      $0.merging = .sum
      $0.compensation = .own
    }
    recipe.method.pruningRate = .standard
    recipe.models[1].weight = 0.6
    let expected = try scene.run(recipe, to: "of-adapters").model
    for position in 0..<2 {
      var request = PruneRun.Request(
        base: recipe.base, model: recipe.base, pruningRate: recipe.method.pruningRate)
      request.adapters = recipe.models[position].adapters
      request.method = recipe.method
      _ = try PruneRun(
        request, options: RunOptions(threads: 2), output: scene.directory("store-\(position)")
      ).run()
      recipe.models[position].path = scene.directory("store-\(position)")
      recipe.models[position].adapters = []
    }
    recipe.method.pruning = .none
    recipe.method.compensation = .none
    let found = try scene.run(recipe, to: "of-stores").model
    for tensor in expected.tensors {
      try #require(found[tensor.name]).expectSameBytes(as: tensor)
    }
  }

  @Test("A store of an adapter merges like the adapter, offsets are looked at")
  func stores() throws {
    let scene = try AdapterScene(AdapterScene.base(.bf16))
    var recipe = scene.recipe([0, 1]) { $0.pruning = .dppa }
    recipe.method.pruningRate = .standard
    let expected = try scene.run(recipe, to: "of-adapters").model
    for position in 0..<2 {
      var request = PruneRun.Request(
        base: recipe.base, model: recipe.base, pruningRate: try #require(PruningRate(0)))
      request.adapters = recipe.models[position].adapters
      _ = try PruneRun(
        request, options: RunOptions(threads: 2), output: scene.directory("store-\(position)")
      ).run()
      recipe.models[position].path = scene.directory("store-\(position)")
      recipe.models[position].adapters = []
    }
    let found = try scene.run(recipe, to: "of-stores").model
    for tensor in expected.tensors {
      try #require(found[tensor.name]).expectSameBytes(as: tensor)
    }
    var asked = OffsetSurvey.Request(
      base: recipe.base, name: "math", model: recipe.base)
    asked.adapters = [MergeRecipe.Adapter(path: scene.directory("lora-0"))]
    let offsets = try OffsetSurvey(asked, options: RunOptions(threads: 2)).run()
    #expect(offsets.layers.count == TinyLoRA.names(of: scene.base).count)
  }

  @Test(
    "Deltas of adapters are computed beside models that are read from frames",
    arguments: [InputMode.pread, .direct])
  func besideFrames(io: InputMode) throws {
    // Tensors of several grains, and frames that begin at any address.
    let base = AdapterScene.base(.bf16, hiddenSize: 740)
    let scene = try AdapterScene(base, adapters: [AdapterScene.adapters[1]])
    var spec = FamilySpec(seed: 5)
    (spec.hiddenSize, spec.intermediateSize, spec.layerCount) = (740, 96, 2)
    for (position, tuned) in spec.build().fineTuned.enumerated() {
      try tuned.model.write(to: scene.directory("tuned-\(position)"))
    }
    var recipe = scene.recipe([0]) { $0.pruning = .dppa }
    recipe.models += (0..<2).map {
      MergeRecipe.Model(name: "t\($0)", path: scene.directory("tuned-\($0)"))
    }
    // One whose deltas are computed, but not from nothing.
    recipe.models[2].adapters = recipe.models[0].adapters
    let expected = try scene.run(recipe, to: "read-again").model
    var run = RunOptions(threads: 2)
    (run.io, run.spill, run.chunkElements) = (io, .on(.rice), Granularity.grainElements)
    let spilled = try scene.run(recipe, to: "spilled", options: run)
    #expect(spilled.report.totals.bytesSpilled > 0)
    for tensor in expected.tensors {
      try #require(spilled.model[tensor.name]).expectSameBytes(as: tensor)
    }
  }
}
