internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe
internal import SluiceStages

/// A recipe and options, checked before anything is done.
struct SearchSetup {
  let recipe: MergeRecipe
  let options: SearchOptions
  let settings: FactorSearch.Settings
  /// The models to search, in the order of the recipe, with the rates of their partitions.
  let models: [(name: String, rates: [PruningRate])]

  init(_ recipe: MergeRecipe, _ options: SearchOptions) throws {
    self.recipe = recipe
    self.options = options
    let method = recipe.method
    guard method.pruning.row.bands == .partitions else {
      let name = recipe.steps?.method.name ?? "the pruning \(method.pruning.rawValue)"
      throw SearchError.usage(
        "\(name) has no partitions whose factors could be searched",
        remedy:
          "Mark the numbers to be found in the recipe, such as weight: {search: [0, 1]}, and give "
          + "--strategy joint; or search with one of: "
          + PruneMethod.table.filter { $0.bands == .partitions }.map(\.name).joined(separator: ", ")
      )
    }
    if let stage = recipe.stages.identities.first {
      throw SearchError.usage(
        "the recipe has a stage of its own (\(stage.place)), which is made for all models together; "
          + "a search looks at one model at a time",
        remedy: "Search with the built-in stages, and give the factors to the recipe.")
    }
    let isRescaled = method.pruning.row.drawsMasks && [.inverse, .l1].contains(method.usedRescale)
    let upper = options.strategy == .golden ? FactorGrid.upperBound : FactorGrid.farBound
    let bound = options.bound ?? (isRescaled ? FactorGrid.lowerBound : upper)
    guard let grid = FactorGrid(step: options.step, bound: bound) else {
      throw SearchError.usage(
        "no factor lies between 1 and the bound \(bound) in steps of \(options.step)",
        remedy: "The bound lies above 1 to search upwards, or in 0 ..< 1 to search downwards, and "
          + "the step is smaller than the way to it.")
    }
    guard (1...100).contains(options.patience) else {
      throw SearchError.usage("the patience must lie in 1 ... 100; it is \(options.patience)")
    }
    guard (1...256).contains(options.jobs) else {
      throw SearchError.usage("the number of jobs must lie in 1 ... 256; it is \(options.jobs)")
    }
    var settings = FactorSearch.Settings(grid: grid)
    settings.strategy = options.strategy
    settings.method = options.method
    settings.patience = options.patience
    settings.limit = options.limit
    self.settings = settings
    models = try SearchSetup.models(recipe, options)
  }

  private static func models(
    _ recipe: MergeRecipe, _ options: SearchOptions
  ) throws -> [(name: String, rates: [PruningRate])] {
    let names = recipe.models.map(\.name)
    for name in options.models + options.tasks.keys.sorted() where !names.contains(name) {
      throw SearchError.usage(
        "the recipe has no model \(name.printable)",
        remedy: "Its models are: \(names.joined(separator: ", ")).")
    }
    return try recipe.models.filter { options.models.isEmpty || options.models.contains($0.name) }
      .map { model in
        // What had the name before is removed: it must not lead out of the output.
        guard options.keep == .none || Directory.isPlainName(model.name) else {
          throw SearchError.usage(
            "the best candidate is kept under the model's name, which is no name of a directory",
            model: model.name, remedy: "Call the model otherwise in the recipe.")
        }
        guard let own = model.pruningRate else { return (model.name, recipe.method.partitionRates) }
        guard let number = own.constant, let rate = PruningRate(number) else {
          throw SearchError.usage(
            "its pruning rate differs from tensor to tensor, so it has no partitions that one "
              + "factor each could be found for", model: model.name)
        }
        return (model.name, recipe.method.partitionRates(of: rate))
      }
  }
}
