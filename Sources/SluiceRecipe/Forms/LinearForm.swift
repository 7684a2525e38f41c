internal import SluiceCore
internal import SluiceMethods

/// The method form with `merge_method: linear`: the mean of models by weight, without a base.
///
/// Formula: (w1 m1 + w2 m2 + ...) / (w1 + w2 + ...), computed as m1 plus the weighted deltas of the others
/// from it, so the first model takes the place of the base: its config and tokenizer are kept.
/// Source: Wortsman et al., "Model soups" (2022).
struct LinearForm {
  /// The name of the method.
  static let name = "linear"

  let directory: String

  /// Reads the form.
  func read(_ map: inout RecipeMap) throws(RecipeError) -> MergeRecipe {
    let method = try map.require("merge_method")
    // Some recipes name a base that is one of the models or takes no part.
    _ = map.take("base_model")
    let list = ModelList(directory: directory, basePath: "")
    let entries = try list.readEither(&map)
    guard entries.count > 1 else {
      throw method.error("the mean of one model is that model", remedy: "Give two or more models.")
    }
    guard entries[0].model.adapters.isEmpty else {
      throw entries[0].place.error(
        "the first model takes the place of the base, and a base has no adapters",
        remedy: "Begin with another model, or fold the adapter (sluice fold).")
    }
    var (common, divides): (Double?, Bool) = (nil, true)
    if let parameters = map.take("parameters") {
      var map = try RecipeMap(parameters)
      common = try map.take("weight").map { field throws(RecipeError) in try weight(field) }
      if let field = map.take("normalize") { divides = try field.truth() }
      try map.finish(reasons: ForeignKeys.parameters)
    }
    var weights: [Double] = []
    for entry in entries {
      var own = common
      if let parameters = entry.parameters, !parameters.isNothing {
        var map = try RecipeMap(parameters)
        if let field = map.take("weight") { own = try weight(field) }
        try map.finish(reasons: ForeignKeys.parameters)
      }
      guard let own else {
        throw entry.place.error("the model has no weight", remedy: "Add parameters: {weight: ...}.")
      }
      weights.append(own)
    }
    let sum = weights.reduce(0, +)
    guard sum.magnitude > 1e-9 else { throw method.error("the weights add up to nothing") }
    guard divides || (sum - 1).magnitude < 1e-6 else {
      throw method.error(
        "the weights add up to \(sum), and normalize is false: that is no mean of models",
        remedy: "Choose weights that add up to 1, or remove normalize.")
    }
    var recipe = MergeRecipe(
      base: entries[0].model.path, models: entries.dropFirst().map(\.model), method: .init())
    NamedMethod.taskArithmetic.apply(to: &recipe)
    for (index, weight) in weights.dropFirst().enumerated() {
      recipe.models[index].weight = divides ? weight / sum : weight
    }
    let row = ParameterRow.at(\.outputDType)
    for key in [row.name, "out-dtype"] {
      if let dtype = map.take(key) { recipe.method[row] = try dtype.value(of: row) }
    }
    return recipe
  }

  private func weight(_ field: RecipeField) throws(RecipeError) -> Double {
    guard let weight = try field.tensorNumber(.any).constant else {
      throw field.error(
        "linear takes one weight for each model",
        remedy:
          "Weights that differ from tensor to tensor: merge_method task_arithmetic with one of "
          + "the models as base_model.")
    }
    return weight
  }
}
