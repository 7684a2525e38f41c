internal import SluiceRecipe
internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceStages

/// Checks of a recipe that need no file.
enum RecipeCheck {
  static func check(_ recipe: MergeRecipe) throws(PipelineError) {
    let method = recipe.method
    guard !recipe.models.isEmpty || recipe.steps != nil else {
      throw .usage("no fine-tuned model is given", remedy: "Add --model NAME=DIRECTORY.")
    }
    // The stage holds its settings and the models' factors side by side.
    let settings = ParameterRow.settings(of: "amplify").map(\.place.key)
    var names: Set<String> = ["base"]
    for model in recipe.models {
      guard names.insert(model.name).inserted else {
        throw .usage(
          "two models are called \(model.name.printable)",
          remedy: "Give each model a name of its own; the base is called base.")
      }
      guard !settings.contains(model.name) else {
        throw .usage(
          "a model cannot be called \(model.name): a recipe's stage amplify has a setting of this name",
          remedy: "Give the model another name.")
      }
      guard model.weight.isFinite, Float(model.weight).isFinite else {
        throw .usage("the weight of model \(model.name) must be a finite number")
      }
      guard model.amplification.allSatisfy({ Float($0).isFinite }) else {
        throw .usage("the factors of model \(model.name) must be finite numbers")
      }
      guard
        method.pruning.row.modelParameters.contains(.amplify) || model.amplification.isEmpty
      else {
        throw .usage(
          "--prune \(method.pruning.rawValue) has no partitions to amplify",
          remedy: "Leave the factors of model \(model.name) out.")
      }
      guard model.weightByTensor?.numbers.allSatisfy({ Float($0).isFinite }) ?? true else {
        throw .usage("the weights of model \(model.name) must be finite numbers")
      }
      guard model.pruningRate?.numbers.allSatisfy({ PruningRate($0) != nil }) ?? true else {
        throw .usage("the pruning rates of model \(model.name) must lie in 0 ..< 1")
      }
    }
    try check(method)
    try checkMethod(recipe)
    try checkStages(recipe)
  }

  /// Checks that every parameter has a value that its row allows.
  static func check(_ method: MethodParameters) throws(PipelineError) {
    for row in ParameterRow.all {
      if let problem = row.problem(with: method[row]) { throw .usage("\(row.flag): \(problem)") }
    }
  }

  /// Checks what can only be known once every tensor's rates are.
  static func check(_ recipe: MergeRecipe, partitionCount: Int) throws(PipelineError) {
    for model in recipe.models where model.amplification.count > partitionCount {
      let rates = recipe.method.partitionRates
      let list =
        rates.count == partitionCount
        ? " (rates \(rates.map { "\($0.value)" }.joined(separator: ", ")))" : " in some tensors"
      throw .usage(
        "model \(model.name) has \(model.amplification.count) factors for "
          + "\(partitionCount) partition\(partitionCount == 1 ? "" : "s")\(list)",
        remedy: "Give at most one factor for each partition, most severe first.")
    }
  }

  private static func checkStages(_ recipe: MergeRecipe) throws(PipelineError) {
    let stages = recipe.stages
    for placed in stages.transforms where !placed.transform.stage.needs.isDeterministic {
      throw .usage(
        "the stage \(placed.transform.stage.name.printable) says that the same input does not "
          + "always give the same output",
        remedy: "Derive what is random from a seed, the tensor's name and the element's position.")
    }
    let (prune, merge) = (recipe.method.pruning.row, recipe.method.merging.row)
    let early = stages.transforms.first { $0.place == .delta }
    let looksAtModels = !recipe.method.passes.isDisjoint(with: PassKind.ofModels)
    let who =
      prune.passes(recipe.method).isDisjoint(with: PassKind.ofModels)
      ? "--merge \(merge.name)" : "--prune \(prune.name)"
    if let early, looksAtModels {
      throw .usage(
        "\(who) looks at rows or matrices of the models themselves, and the stage "
          + "\(early.transform.name.printable) would change their differences first",
        remedy: "Move it after mask.")
    }
    if !merge.passes(recipe.method).isDisjoint(with: PassKind.solving),
      let first = stages.identities.first
    {
      throw .usage(
        "--merge \(merge.name) solves for the models as they are; a stage of one's own "
          + "(\(first.place)) has no place in it")
    }
    if recipe.extraFiles[.scores] != nil, let first = stages.identities.first {
      throw .usage(
        "--merge \(recipe.method.merging.rawValue) chooses among the models, and a stage of one's own "
          + "(\(first.place)) is made for all of them",
        remedy: "Merge the models of the soup with operator: average.")
    }
  }
}
