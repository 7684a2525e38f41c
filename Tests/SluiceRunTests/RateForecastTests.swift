import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@testable import SluicePlan
@testable import SluiceRecipe
@testable import SluiceRun

/// What is packed of layers whose rates are foreseen from samples.
@Suite("Foreseeing rates") struct RateForecastTests {
  /// A family with layers that are long enough for a sample, and of different significance.
  private static func family(_ dtype: DType = .bf16) -> ModelFamily {
    var spec = FamilySpec(
      seed: 12,
      fineTunes: [
        FamilySpec.FineTune("a", dtype: dtype, drift: .heavy),
        FamilySpec.FineTune("b", dtype: dtype, drift: .heavy),
      ])
    spec.baseDType = dtype
    (spec.hiddenSize, spec.headSize, spec.intermediateSize) = (512, 128, 1500)
    spec.layerCount = 1
    // Every third layer has many deltas far above the mean, every other third some.
    return spec.build().multiplyingDeltas { tensor, element in
      element % [7, 29, 211][tensor % 3] == 0 ? 8 : 1
    }
  }

  private static func options() -> ReferenceOptions {
    var options = ReferenceOptions()
    options.pruningRate = 0.8
    return options
  }

  @Test("they lie near those that follow, and seldom above") func near() throws {
    let merge = TinyMerge(Self.family(), options: Self.options())
    let directory = try ScratchDirectory()
    try merge.write(to: directory)
    let recipe = try merge.recipe(in: directory)
    var run = RunOptions(threads: 2)
    run.spill = .on(.rice)
    let plan = try MergePlan(recipe, options: run)
    let linear = plan.tensors.linearTasks
    let forecast = try #require(
      try RateForecast(
        of: linear, plan.tensors, LayerCutting(plan.passInputs), recipe.significanceQuestion,
        kernels: .best))
    // Of the base and of both models.
    let inputs = TensorPlan.inputByteCount(linear)
    #expect(forecast.readByteCount > inputs / 256 && forecast.readByteCount <= inputs / 16)
    let report = try MergeRun(plan, output: directory("out")).execute()
    for (model, found) in report.models.enumerated() {
      let rates = try linear.map { task in
        let layer = try #require(found.layers.first { $0.statistics.name == task.name })
        return (try #require(layer.cuts.rates.last), forecast.lowestRate(of: task, model: model))
      }
      let spread = rates.map(\.0).max().map { $0 - (rates.map(\.0).min() ?? 0) } ?? 0
      #expect(spread > 0.05)
      for (rate, foreseen) in rates {
        let foreseen = try #require(foreseen)
        #expect(foreseen <= rate + 0.001 && foreseen > rate - 0.05)
      }
    }
  }

  @Test(
    "less is packed with them, and the result is the same", arguments: [DType.bf16, .f16, .f32])
  func spilled(dtype: DType) throws {
    let merge = TinyMerge(Self.family(dtype), options: Self.options())
    let expected = try merge.run()
    /// A merge in a budget that has no room for frames in memory.
    func spill(_ change: (inout MergeRecipe) -> Void = { _ in }) throws -> TinyMerge.Output {
      var run = RunOptions(threads: 2)
      run.spill = .on(.rice)
      let roomy = try merge.run(run: run, change: change)
      run.memory = ByteCount(roomy.report.plan.memory.withoutHeldFrames)
      return try merge.run(run: run, change: change)
    }
    let spilled = try spill()
    for tensor in expected.model.tensors {
      try #require(spilled.model[tensor.name]).expectSameBytes(as: tensor)
    }
    // As much as without a forecast: what the lowest possible rate keeps of every layer.
    let all = try spill { recipe in
      recipe.method.rates = .uniform
      recipe.method.pruningRate = PruningRate(0.72) ?? recipe.method.pruningRate
    }
    guard dtype != .f32 else { return }
    let (some, most) = (spilled.report.totals.bytesSpilled, all.report.totals.bytesSpilled)
    #expect(some < most - most / 20, "\(some) \(most)")
  }
}

extension MemoryPlan {
  fileprivate var withoutHeldFrames: Int { totalBytes - heldFramesByteCount }
}
