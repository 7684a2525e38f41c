internal import ArgumentParser
internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe

/// The options that say what is merged and how: those that can change a byte of the result.
struct RecipeOptions: ParsableArguments {
  @OptionGroup(title: "What is merged") var inputs: InputOptions
  @OptionGroup(title: "Which changes are pruned, and what becomes of the rest")
  var pruning: ListedOptions<PruningParameters>
  @OptionGroup(title: "How much of each layer is pruned")
  var rates: ListedOptions<RateParameters>
  @OptionGroup(title: "How the models become one") var merging: ListedOptions<MergingParameters>
  @OptionGroup(title: "Files that some methods read (see sluice methods)")
  var methodFiles: ListedOptions<MethodFileOptions>
  @OptionGroup(title: "What is read and written") var files: ListedOptions<FileParameters>

  /// The recipe that the options describe.
  func recipe() throws -> MergeRecipe {
    var method = MethodParameters()
    var given = try pruning.apply(to: &method) + rates.apply(to: &method)
    given += try merging.apply(to: &method) + files.apply(to: &method)
    let rate = ParameterRow.at(\.pruningRate)
    if let density = inputs.density {
      guard !given.contains(where: { $0.name == rate.name }) else {
        throw UsageError("--density is 1 minus --pruning-rate: give one of them")
      }
      guard let rate = PruningRate(PruningRate.value(keeping: density)) else {
        throw UsageError("the density must lie above 0 and be at most 1; it is \(density)")
      }
      method.pruningRate = rate
      try RecipeOptions.checkUse(of: .at(\.pruningRate), as: "--density", method)
    }
    for row in given { try RecipeOptions.checkUse(of: row, as: row.flag, method) }
    var recipe = MergeRecipe(
      base: inputs.base, models: try inputs.fineTunedModels(), method: method)
    try methodFiles.apply(to: &recipe)
    if let path = inputs.amplifyFrom { try FoundFactors.apply(path, to: &recipe) }
    return recipe
  }

  /// Refuses an option that no method of the merge looks at: nobody gives it to be ignored.
  private static func checkUse(
    of row: ParameterRow, as flag: String, _ method: MethodParameters
  ) throws(UsageError) {
    if row.name == ParameterRow.at(\.rates).name {
      if let fixed = method.pruning.row.fixedRates, fixed != method.rates {
        throw UsageError(
          "--prune \(method.pruning.rawValue) always has the rates \(fixed.rawValue)")
      }
    } else if let (owners, chosen) = method.strangers(to: row) {
      throw UsageError(
        "\(flag) belongs to \(owners), and this is \(chosen)", remedy: "Leave \(flag) out.")
    }
  }
}

/// The models, and what is said of single ones.
struct InputOptions: ParsableArguments {
  @Option(
    help: "The base model: a directory, or a .safetensors or PyTorch .bin file.",
    completion: .file())
  var base: String

  @Option(
    name: .customLong("model"),
    help: ArgumentHelp(
      "A fine-tuned model; repeat for each. Without a name it is called like the last part of the path.",
      valueName: "[name=]path"),
    completion: .file())
  var models: [PossiblyNamedPath] = []

  @OptionGroup var adapters: AdapterOptions

  @OptionGroup var single: ListedOptions<ModelParameterOptions>

  @Option(
    help: ArgumentHelp("Take the factors that a search found.", valueName: "search.json"),
    completion: .file(extensions: ["json"]))
  var amplifyFrom: String?

  @Option(
    help: ArgumentHelp(
      "The fraction to keep: another way to give the pruning rate.", valueName: "number"))
  var density: Double?

  /// The models with what is said of each.
  func fineTunedModels() throws -> [MergeRecipe.Model] {
    var models = models.map { AdaptedPath($0.path).model(named: $0.name) }
    try adapters.apply(to: &models, base: base)
    try single.forEachModel(of: &models) { parameter, text, model throws(UsageError) in
      func numbers(_ texts: [Substring], _ what: String) throws(UsageError) -> [Double] {
        let numbers = texts.compactMap { Double($0) }
        guard numbers.count == texts.count else {
          throw UsageError("\(parameter.flag) \(model.name)=\(text): \(what)")
        }
        return numbers
      }
      switch parameter {
      case .amplify:
        model.amplification = try numbers(
          text.split(separator: ",", omittingEmptySubsequences: false), "factors are numbers")
      case .weight: model.weight = try numbers([text[...]], "a weight is a number")[0]
      }
    }
    return models
  }
}
