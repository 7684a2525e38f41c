internal import SluiceMethods
internal import SluiceRecipe

extension PruneRun.Request {
  /// What is done to the deltas before they are stored, as a merge of the model alone; nil if nothing is.
  var recipe: MergeRecipe? {
    guard var method else { return nil }
    method.merging = .sum
    method.pruningRate = pruningRate
    method.maxRateDeviation = maxRateDeviation
    var recipe = MergeRecipe(
      base: base, models: [MergeRecipe.Model(name: "model", path: model)], method: method)
    recipe.linearSet = linearSet
    return recipe
  }

  /// What decides about the deltas that are stored, as options and values; nil if they are stored as they are.
  var deltaFact: String? {
    guard let method = recipe?.method else { return nil }
    let rows = ["assign-rates", "significance", "mask", "amplify"].flatMap {
      ParameterRow.settings(of: $0)
    }
    return rows.filter { method.uses($0) }.compactMap { row in
      method[row].recipeText.map { "\(row.name) \($0)" }
    }.joined(separator: ", ")
  }
}
