internal import SluiceArchitecture
internal import ArgumentParser
internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePipeline
internal import SluiceRecipe
internal import SluiceStages

/// The options that say what is merged and how: those that can change a byte of the result.
struct RecipeOptions: ParsableArguments {
  @Option(help: "The base model: a directory, or a .safetensors or PyTorch .bin file.")
  var base: String

  @Option(
    name: .customLong("model"),
    help: ArgumentHelp("A fine-tuned model; repeat for each.", valueName: "name=path"))
  var models: [NamedValue] = []

  @Option(help: "How deltas are pruned.")
  var prune: MethodParameters.Pruning = .dppa

  @Option(name: .customLong("merge"), help: "How the models' deltas become one.")
  var merging: MethodParameters.Merging = .ties

  @Option(help: "The fraction of each model's deltas to remove, from 0 to below 1 (default: 0.8).")
  var pruningRate: Double?

  @Option(help: "The fraction to keep: another way to give the pruning rate.")
  var density: Double?

  @Option(help: "The distance between the rates of two partitions.")
  var partitionWidth = 0.1

  @Option(
    help: ArgumentHelp(
      "Amplification factors of a model, most severe partition first; 1 where none is given.",
      valueName: "name=f1,f2,..."))
  var amplify: [NamedValue] = []

  @Option(
    help: ArgumentHelp("Take the factors that a search found.", valueName: "search.json"))
  var amplifyFrom: String?

  @Option(help: "How factors of nested partitions combine.")
  var combine: PartitionCombination = .ring

  @Option(
    help:
      "How linear layers' rates follow from their significance; acl, or the pruning's, if not given."
  )
  var rates: MethodParameters.Rates?

  @Option(help: "How many times the mean a delta must exceed to be significant.")
  var significanceMultiple = 5.0

  @Option(help: "The largest shift of a layer's rate.")
  var maxRateDeviation = 0.08

  @Option(help: "Which of the elements exactly at a threshold are kept.")
  var tieBreak: TieBreak = .spread

  @Option(help: "What becomes of tensors that are not linear layers.")
  var nonlinear: MethodParameters.NonLinear = .merge

  @Option(help: "What the merged delta is multiplied by.")
  var mergeScale = 1.0

  @Option(help: ArgumentHelp("What a model's deltas are multiplied by.", valueName: "name=w"))
  var weight: [NamedValue] = []

  @Option(
    help: ArgumentHelp("Further tensors to prune; * stands for anything.", valueName: "pattern"))
  var linearInclude: [String] = []

  @Option(
    help: ArgumentHelp("Tensors not to prune; * stands for anything.", valueName: "pattern"))
  var linearExclude: [String] = []

  @Option(help: "The type of the merged weights; each base tensor's own if not given.")
  var dtype: OutputType?

  @Option(help: "The most bytes of tensors in a file of the result.")
  var shardSize = ByteCount(5_000_000_000)

  @Option(help: "What to do where models differ in their number of vocabulary rows.")
  var vocabulary: MergeRecipe.Vocabulary = .error

  @Option(help: "What to do with tensors that the base does not have.")
  var extraTensors: MergeRecipe.ExtraTensors = .error

  @Option(
    help: "What to do with tensors that a model does not have; refused where most are missing.")
  var absent: MergeRecipe.Absent?

  @Option(
    help: ArgumentHelp(
      "Names of models that begin with OLD and are not the base's begin with NEW instead.",
      valueName: "old=new"))
  var rename: [String] = []

  @Option(help: "What becomes of routers, which are not pruned.")
  var routers: MergeRecipe.Routers = .merge

  @OptionGroup(title: "What only some methods know (see sluice methods)")
  var methodOptions: MethodOptions

  /// The recipe that the options describe.
  func recipe() throws -> MergeRecipe {
    let rate = try checkedRate()
    guard partitionWidth > 0.001, partitionWidth.isFinite else {
      throw UsageError("the partition width must be above 0.001; it is \(partitionWidth)")
    }
    var method = MethodParameters(pruningRate: rate)
    method.pruning = prune
    method.merging = merging
    method.partitionWidth = partitionWidth
    method.combination = combine
    if let rates {
      if let fixed = prune.row.fixedRates, fixed != rates {
        throw UsageError("--prune \(prune.rawValue) always has the rates \(fixed.rawValue)")
      }
      method.rates = rates
    }
    method.significanceMultiple = significanceMultiple
    method.maxRateDeviation = maxRateDeviation
    method.tieBreak = tieBreak
    method.nonLinear = nonlinear
    method.mergeScale = mergeScale
    methodOptions.apply(to: &method)
    var recipe = MergeRecipe(base: base, models: try fineTunedModels(), method: method)
    recipe.linearSet.include = linearInclude
    recipe.linearSet.exclude = linearExclude
    recipe.outputDType = dtype?.dtype
    recipe.shardSize = shardSize
    recipe.vocabulary = vocabulary
    recipe.extraTensors = extraTensors
    recipe.absent = absent
    recipe.renames = rename
    recipe.routers = routers
    recipe.extraFiles = methodOptions.files
    if let amplifyFrom { try FoundFactors.apply(amplifyFrom, to: &recipe) }
    return recipe
  }

  private func checkedRate() throws -> PruningRate {
    guard pruningRate == nil || density == nil else {
      throw UsageError("--density is 1 minus --pruning-rate: give one of them")
    }
    if let density {
      guard let rate = PruningRate(PruningRate.value(keeping: density)) else {
        throw UsageError("the density must lie above 0 and be at most 1; it is \(density)")
      }
      return rate
    }
    let value = pruningRate ?? 0.8
    guard let rate = PruningRate(value) else {
      throw UsageError("the pruning rate must lie in 0 ..< 1; it is \(value)")
    }
    return rate
  }

  private func fineTunedModels() throws -> [MergeRecipe.Model] {
    var models = models.map { MergeRecipe.Model(name: $0.name, path: $0.value) }
    for (option, values) in [("--amplify", amplify), ("--weight", weight)] {
      for (name, same) in Dictionary(grouping: values, by: \.name) where same.count > 1 {
        throw UsageError("\(option) is given \(same.count) times for model \(name)")
      }
    }
    for option in amplify {
      let factors = option.value.split(separator: ",", omittingEmptySubsequences: false).map {
        Double($0)
      }
      guard !factors.contains(nil) else {
        throw UsageError("--amplify \(option.name)=\(option.value): factors are numbers")
      }
      try set("--amplify", option.name, in: &models) {
        $0.amplification = factors.compactMap(\.self)
      }
    }
    for option in weight {
      guard let value = Double(option.value) else {
        throw UsageError("--weight \(option.name)=\(option.value): a weight is a number")
      }
      try set("--weight", option.name, in: &models) { $0.weight = value }
    }
    for (file, option) in methodOptions.modelFiles {
      try set(file.option, option.name, in: &models) { $0.extraFiles[file] = option.value }
    }
    return models
  }

  private func set(
    _ option: String, _ name: String, in models: inout [MergeRecipe.Model],
    _ change: (inout MergeRecipe.Model) -> Void
  ) throws {
    guard let index = models.firstIndex(where: { $0.name == name }) else {
      let known = models.map(\.name).joined(separator: ", ")
      throw UsageError("\(option): there is no model \(name); the models are: \(known)")
    }
    change(&models[index])
  }
}
