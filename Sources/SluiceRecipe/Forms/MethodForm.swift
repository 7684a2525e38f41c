internal import SluiceCore
internal import SluiceMethods

/// The method form: `merge_method`, `base_model`, `models`, `parameters`, as mergekit writes it.
struct MethodForm {
  let directory: String

  /// Reads the form.
  func read(_ map: inout RecipeMap) throws(RecipeError) -> MergeRecipe {
    let method = try NamedMethod.read(try map.require("merge_method"))
    let base = RecipePath.resolve(model: try map.require("base_model").text(), in: directory)
    let entries = try ModelList(directory: directory, basePath: base).readEither(&map)
    var recipe = MergeRecipe(
      base: base, models: entries.map(\.model), method: .init())
    method.apply(to: &recipe)

    if let parameters = map.take("parameters") {
      try read(parameters, method, &recipe, models: recipe.models.indices)
    }
    for (position, entry) in entries.enumerated() {
      guard let parameters = entry.parameters else { continue }
      var map = try RecipeMap(parameters)
      try readModelParameters(&map, method, &recipe, models: position..<position + 1)
      try RecipeFiles(directory: directory).readFiles(of: position, &map, &recipe)
      try map.finish(reasons: ForeignKeys.parameters.merging(refusals(method)) { $1 })
    }
    let row = ParameterRow.at(\.outputDType)
    for key in [row.name, "out-dtype"] {
      if let dtype = map.take(key) { recipe.method[row] = try dtype.value(of: row) }
    }
    return recipe
  }

  /// The parameters for all models: settings of the method, and defaults for what models say.
  private func read(
    _ field: RecipeField, _ method: NamedMethod, _ recipe: inout MergeRecipe, models: Range<Int>
  ) throws(RecipeError) {
    var map = try RecipeMap(field)
    if let scale = map.take("lambda") { recipe.method.mergeScale = try scale.number(.any) }
    // The pruning first: other keys depend on it.
    let (prune, rate) = (ParameterRow.at(\.pruning), ParameterRow.at(\.pruningRate))
    let others = ParameterRow.all.filter { ![prune.name, rate.name].contains($0.name) }
    var given = GivenParameters()
    for row in [prune] + others {
      guard let field = map.take(row.name) else { continue }
      if row.name == ParameterRow.at(\.rates).name { try recipe.checkRates(field) }
      if let setting = method.settings.first(where: { $0.key == row.name }) {
        throw field.error(
          "merge_method \(method.name) settles this already (\(setting.value))",
          remedy: "Remove the key, or write the stages of a chain.")
      }
      recipe.method[row] = try field.value(of: row)
      given.add(row, field)
    }
    try given.check(recipe.method)
    try readModelParameters(&map, method, &recipe, models: models)
    try RecipeFiles(directory: directory).read(&map, &recipe)
    try map.finish(reasons: ForeignKeys.parameters.merging(refusals(method)) { $1 })
  }

  /// The parameters that each model may have for itself.
  private func readModelParameters(
    _ map: inout RecipeMap, _ method: NamedMethod, _ recipe: inout MergeRecipe, models: Range<Int>
  ) throws(RecipeError) {
    let isForAll = models.count == recipe.models.count && map.path == "parameters"
    if let weight = map.take("weight") {
      let number = try weight.tensorNumber(.any)
      for model in models { recipe.models[model].setWeight(number) }
    }
    let density = map.take("density")
    if let rate = map.take("pruning-rate") ?? density {
      if let density, density.path != rate.path {
        throw density.error("density and pruning-rate are given; they say the same")
      }
      guard recipe.method.pruning.row.bands != .none else {
        throw rate.error(
          "merge_method \(method.name) prunes nothing",
          remedy: "Add prune to the parameters for all models; the trim of TIES itself is "
            + "ties-density.")
      }
      let number =
        density == nil
        ? try rate.tensorNumber(.rate)
        : try rate.tensorNumber(.density) { (density: Double) in PruningRate.value(keeping: density)
        }
      recipe.setRate(number, models: models, isForAll: isForAll)
    }
    if let reason = method.refused["amplify"] {
      if let field = map.take("amplify") { throw field.error(reason) }
    } else if let factors = map.take("amplify") {
      if isForAll {
        throw factors.error(
          "factors belong to a model", remedy: "Write them among the parameters of each model.")
      }
      for model in models { recipe.models[model].amplification = try factors.factors() }
    }
  }

  private func refusals(_ method: NamedMethod) -> [String: String] { method.refused }
}

extension MergeRecipe.Model {
  /// Keeps a weight in its simplest form.
  mutating func setWeight(_ number: TensorNumber) {
    if let constant = number.constant {
      (weight, weightByTensor) = (constant, nil)
    } else {
      weightByTensor = number
    }
  }
}

extension MergeRecipe {
  /// Forgets what says nothing: a rate of a model that is the method's.
  mutating func simplify() {
    for model in models.indices
    where models[model].pruningRate?.constant == method.pruningRate.value {
      models[model].pruningRate = nil
    }
  }

  /// Keeps a rate in its simplest form.
  mutating func setRate(_ number: TensorNumber, models: Range<Int>, isForAll: Bool) {
    if isForAll, let constant = number.constant, let rate = PruningRate(constant) {
      method.pruningRate = rate
    } else {
      for model in models { self.models[model].pruningRate = number }
    }
  }
}
