import SluiceCore
import SluiceMethods
import SluicePlan
import SluiceRun
import SluiceRecipe
import SluiceTestSupport

/// A base, and adapters for it, on disk.
struct AdapterScene {
  static let adapters = [
    TinyLoRA(rank: 4, alpha: 8, seed: 1), TinyLoRA(rank: 16, alpha: 16, seed: 2, dtype: .bf16),
    TinyLoRA(rank: 64, alpha: 32, seed: 3),
  ]

  let directory: ScratchDirectory
  let base: TinyModel

  init(_ base: TinyModel, adapters: [TinyLoRA] = AdapterScene.adapters) throws {
    directory = try ScratchDirectory()
    self.base = base
    try base.write(to: directory("base"))
    for (position, adapter) in adapters.enumerated() {
      try adapter.write(for: base, to: directory("lora-\(position)"))
    }
  }

  /// A recipe of models, each with one of the adapters.
  func recipe(_ positions: [Int], _ change: (inout MethodParameters) -> Void) -> MergeRecipe {
    let models = positions.map { position in
      var model = MergeRecipe.Model(name: "m\(position)", path: directory("base"))
      model.adapters = [MergeRecipe.Adapter(path: directory("lora-\(position)"))]
      return model
    }
    var method = MethodParameters(pruningRate: PruningRate(0.6) ?? .standard)
    change(&method)
    return MergeRecipe(base: directory("base"), models: models, method: method)
  }

  func run(
    _ recipe: MergeRecipe, to name: String = "out", options: RunOptions = RunOptions(threads: 2)
  ) throws -> (model: TinyModel, report: MergeReport) {
    let plan = try TinyMerge.plan(recipe, options)
    let report = try MergeRun(plan, output: directory(name)).execute()
    return (try TinyModel.read(directory(name)), report)
  }

  static func base(_ dtype: DType, hiddenSize: Int = 40) -> TinyModel {
    var spec = FamilySpec(seed: 5)
    spec.baseDType = dtype
    spec.hiddenSize = hiddenSize
    spec.intermediateSize = 96
    spec.layerCount = 2
    return spec.build().base
  }
}
