internal import SluiceCore
internal import SluiceMethods
internal import SluiceStages

/// The stage-chain form: `base`, `models`, `stages`.
struct ChainForm {
  let directory: String
  let registry: StageRegistry
  private var recipe = MergeRecipe(base: "", models: [], method: .init())
  /// The parameters that the recipe names, with where it does.
  private var given = GivenParameters()
  private var output: String?
  /// Where the recipe names a rule for rates.
  private var rates: RecipeField?

  init(directory: String, registry: StageRegistry) {
    self.directory = directory
    self.registry = registry
  }

  private var context: ChainContext {
    ChainContext(modelNames: recipe.models.map(\.name), directory: directory)
  }

  /// Reads the form.
  ///
  /// - Returns: The recipe, and where it is written if the chain says so.
  mutating func read(_ map: inout RecipeMap) throws -> (MergeRecipe, String?) {
    recipe.base = RecipePath.resolve(model: try map.require("base").text(), in: directory)
    let entries = try ModelList(directory: directory, basePath: recipe.base)
      .read(try map.require("models"))
    recipe.models = entries.map(\.model)
    for case let field? in entries.map(\.parameters) {
      throw field.error(
        "parameters of models belong to the method form",
        remedy: "In a chain: amplify: {NAME: [..]}, merge: {weights: {NAME: ..}}, "
          + "assign-rates: {model-rates: {NAME: ..}}.")
    }
    let list = try map.require("stages")
    var stages: [ChainStage] = []
    for item in try list.list(of: "stages") { stages.append(try ChainStage(item)) }
    try checkNames(stages)
    try ChainOrder.check(stages, list)
    // Without a mask every delta is kept, and nothing is measured: there is no pass in which an early
    // stage would have to work.
    var place = PlacedTransform.Place.amplify
    if stages.contains(where: { $0.name == "mask" }) {
      place = .delta
    } else {
      recipe.method.pruning = .none
    }
    for stage in stages { try read(stage, &place) }
    if let rates, recipe.stages.rates == nil { try recipe.checkRates(rates) }
    try given.check(recipe.method)
    return (recipe, output)
  }

  private func checkNames(_ stages: [ChainStage]) throws(RecipeError) {
    let known = ChainOrder.names + registry.transforms.keys.sorted()
    for stage in stages where !known.contains(stage.name) {
      throw stage.field.error(
        "there is no stage \(stage.name.quotedForMessage)",
        remedy: ClosestWord.remedy(for: stage.name, among: known))
    }
  }

  private mutating func read(_ stage: ChainStage, _ place: inout PlacedTransform.Place) throws {
    var map = try stage.map()
    switch stage.rankName {
    case "significance": try readSignificance(&map)
    case "assign-rates": try readRates(&map)
    case "mask": place = .mask
    case "amplify":
      place = .amplify
      try settings("amplify", &map)
      for model in recipe.models.indices {
        if let factors = map.take(name: recipe.models[model].name) {
          recipe.models[model].amplification = try factors.factors()
        }
      }
    case "merge": try readMerge(stage, &map)
    case "write": output = try map.take("out")?.text()
    case "read", "delta": break
    default:
      guard let entry = registry.transforms[stage.name] else { return }
      let transform = try entry.stage(named: stage.name, stage.arguments, at: map, context)
      recipe.stages.transforms.append(PlacedTransform(transform, after: place))
      return
    }
    if stage.isMerge { return }
    try settings(stage.name, &map)
    let files = RecipeFiles(directory: directory)
    if stage.rankName == "mask" { try files.read(recipe.method.pruning.row, &map, &recipe) }
    if stage.rankName == "merge" { try files.read(recipe.method.merging.row, &map, &recipe) }
    try map.finish()
  }

  /// Reads the keys that the table has for a stage.
  private mutating func settings(
    _ stage: String, _ map: inout RecipeMap
  ) throws(RecipeError) {
    for row in ParameterRow.settings(of: stage) {
      guard let field = map.take(row.place.key) else { continue }
      recipe.method[row] = try field.value(of: row)
      given.add(row, field)
    }
  }

  private mutating func readSignificance(_ map: inout RecipeMap) throws {
    guard let name = map.take("statistic") else { return }
    let known = registry.statistics.keys.sorted() + ["significance"]
    let word = try name.word(among: known)
    let with = map.take("with")
    guard let entry = registry.statistics[word] else { return }
    recipe.stages.significance = try entry.stage(
      named: word, with, at: RecipeMap(emptyAt: name.place, path: name.path), context)
  }

  private mutating func readRates(_ map: inout RecipeMap) throws {
    rates = map.peek("form")
    if let form = map.peek("form"), case .scalar(let text, _) = form.node.content,
      let entry = registry.rateRules[text]
    {
      _ = map.take("form")
      let with = map.take("with")
      recipe.stages.rates = try entry.stage(
        named: text, with, at: RecipeMap(emptyAt: form.place, path: form.path), context)
    }
    if let rate = map.take("pruning-rate") {
      given.add(\.pruningRate, rate)
      let number = try rate.tensorNumber(.rate)
      recipe.setRate(number, models: recipe.models.indices, isForAll: true)
    }
    if let rates = map.take("model-rates") {
      given.add(\.pruningRate, rates)
      for (model, field) in try perModel(rates) {
        recipe.models[model].pruningRate = try field.tensorNumber(.rate)
      }
    }
  }

  private mutating func readMerge(_ stage: ChainStage, _ map: inout RecipeMap) throws {
    if stage.isMerge, let entry = registry.operators[stage.name] {
      recipe.stages.merging = try entry.stage(named: stage.name, stage.arguments, at: map, context)
      return
    }
    if let rule = map.peek("operator"), case .scalar(let text, _) = rule.node.content,
      let entry = registry.operators[text]
    {
      _ = map.take("operator")
      let with = map.take("with")
      recipe.stages.merging = try entry.stage(
        named: text, with, at: RecipeMap(emptyAt: rule.place, path: rule.path), context)
    }
    if let weights = map.take("weights") {
      for (model, field) in try perModel(weights) {
        recipe.models[model].setWeight(try field.tensorNumber(.any))
      }
    }
  }

  /// A mapping of models' names to something.
  private func perModel(
    _ field: RecipeField
  ) throws(RecipeError) -> [(model: Int, field: RecipeField)] {
    var map = try RecipeMap(field)
    var result: [(model: Int, field: RecipeField)] = []
    for (position, model) in recipe.models.enumerated() {
      if let field = map.take(name: model.name) { result.append((position, field)) }
    }
    try map.finish()
    return result
  }
}
