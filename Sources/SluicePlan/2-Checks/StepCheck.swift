internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

/// Looks up the numbers of a recipe in mergekit's grammar for every tensor.
enum StepCheck {
  /// What stages know of the merge; nil for our own methods.
  static func setup(_ recipe: MergeRecipe, _ tasks: [TensorTask]) throws(PipelineError)
    -> StepSetup?
  {
    guard let steps = recipe.steps else { return nil }
    let layerCount = (tasks.compactMap { BlockName.number(of: $0.name) }.max() ?? -1) + 1
    let merged = tasks.filter { $0.role == .linear || $0.role == .dense }
    for task in merged {
      let place = place(of: task.name, layerCount)
      for parameter in steps.method.parameters {
        for input in parameter.owner == .all ? [nil] : steps.inputs.indices.map(Optional.init) {
          if let input, parameter.owner == .model, steps.hasBase, steps.inputs[input] == .base {
            continue
          }
          let number = steps.number(parameter.name, at: place, input: input)
          try check(number, parameter, task, recipe, input: input, place)
        }
      }
    }
    return steps.setup { place(of: $0, layerCount) }
  }

  /// Where a tensor stands in the merged model.
  private static func place(of name: String, _ layerCount: Int) -> StepPlace {
    let layer = BlockName.parts(of: name).map { parts in
      StepPlace.Layer(number: parts.number) { parts.name(in: $0) }
    }
    return StepPlace(
      name: name, layer: layer, isBehind: BlockName.isBehindBlocks(name), layerCount: layerCount)
  }

  private static func check(
    _ number: Double?, _ parameter: StepParameter, _ task: TensorTask, _ recipe: MergeRecipe,
    input: Int?, _ place: StepPlace
  ) throws(PipelineError) {
    let model = input.flatMap { input -> String? in
      switch recipe.steps?.inputs[input] {
      case .model(let model): recipe.models[model].name
      default: nil
      }
    }
    let owner = model.map { " of model \($0.printable)" } ?? ""
    guard let number else {
      throw .usage(
        "\(parameter.name)\(owner) has no value for the tensor \(task.name.printable)",
        remedy: "Add a value without a filter behind the others.")
    }
    guard number.isNaN || Float(number).isFinite else {
      throw .usage("\(parameter.name)\(owner) must be a finite number")
    }
    if parameter.name == "nuslerp_row_wise", number != 0, task.dimensions.count > 2,
      recipe.steps?.number("nuslerp_flatten", at: place, input: nil) == 0
    {
      throw .usage(
        "nuslerp_row_wise is for matrices, and \(task.name.printable) has "
          + "\(task.dimensions.count) dimensions",
        remedy: "Leave it out for this tensor: nuslerp_flatten: false works on rows.")
    }
    if parameter.name == "epsilon", let input, let steps = recipe.steps,
      steps.method.sparsity == .ranks
    {
      let density = steps.number("density", at: place, input: input) ?? 1
      let isSparse = density > 0 && density < 1
      guard !isSparse || (density - number > 0 && density + number < 1) else {
        throw .usage(
          "density \(density) and epsilon \(number)\(owner) give chances outside of 0 to 1",
          remedy: "Choose an epsilon below density and below 1 - density.")
      }
    }
    if parameter.name == "density", recipe.steps?.method.sparsity == .draws, number < 0 {
      throw .usage("density\(owner) is \(number), and no probability")
    }
  }
}
