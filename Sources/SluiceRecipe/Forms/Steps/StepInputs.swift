internal import SluiceCore
internal import SluiceMethods
internal import SluiceStages

/// Makes the inputs of a merge of what a recipe lists: the base, the models, and the layers that they are
/// stacked of.
///
/// In a stack an input is what stands in one place of all slices: its layers come from several models. The
/// first input plays the part of the base where the method has none.
struct StepInputs {
  let method: StepMethod
  let base: MergeRecipe.Model?
  let name: RecipeField
  let sources: StepSourceList

  /// The recipe, with the numbers of inputs and slices.
  func recipe() throws(RecipeError) -> MergeRecipe {
    let slice = sources.slices[0]
    guard sources.isSliced, !isWhole else { return try whole(slice) }
    return try stacked()
  }

  private var hasBase: Bool { base != nil && method.base != .unused }

  /// Whether there is one slice, of all layers of each model.
  private var isWhole: Bool {
    sources.slices.count == 1
      && sources.slices[0].sources.allSatisfy { source in
        guard let layers = source.layers else { return true }
        return layers.lowerBound == 0
          && layers.upperBound == ModelList.layerCount(source.model.path)
      }
  }

  /// Models as they are.
  private func whole(_ slice: StepSourceSlice) throws(RecipeError) -> MergeRecipe {
    var entries = slice.sources
    if let base, !sources.isSliced, !entries.contains(where: { $0.model.isSame(as: base) }) {
      entries.append(StepSource(model: base, isNamed: true, numbers: [:], place: name))
    }
    let first = base ?? entries[0].model
    guard first.adapters.isEmpty else {
      throw name.error(
        "the first model takes the place of the base, and a base has no adapters",
        remedy: "Begin with another model, or fold the adapter (sluice fold).")
    }
    var models: [MergeRecipe.Model] = []
    var inputs: [StepInput] = []
    for entry in entries {
      if entry.model.isSame(as: first) {
        guard !inputs.contains(.base) else { throw twice(entry) }
        inputs.append(.base)
        continue
      }
      guard !models.contains(where: { $0.isSame(as: entry.model) }) else { throw twice(entry) }
      inputs.append(.model(models.count))
      models.append(entry.isNamed ? entry.model : unique(entry.model, among: models))
    }
    let others = inputs.count - (hasBase && inputs.contains(.base) ? 1 : 0)
    try check(others, name)
    var recipe = recipe(first.path, models, inputs)
    for (position, entry) in entries.enumerated() {
      recipe.steps?.own[position] = numbers(of: entry, isBase: inputs[position] == .base)
    }
    recipe.steps?.shared = slice.numbers
    return recipe
  }

  /// Models whose layers come from several places.
  private func stacked() throws(RecipeError) -> MergeRecipe {
    let slices = sources.slices
    let count = slices.map(\.sources.count).max() ?? 0
    var stacks = Array(repeating: [LayerSource](), count: count)
    var steps: [StepSlice] = []
    var names = Array(repeating: [String](), count: count)
    let basePosition = hasBase ? try position(ofBaseIn: slices[0]) : 0
    for slice in slices {
      guard slice.sources.count == count || method.letsInputsLack else {
        throw slice.place.error(
          "the slice has \(slice.sources.count) sources, another has \(count), and what \(method.name) does "
            + "depends on their number",
          remedy: "Give all slices as many sources.")
      }
      let (ordered, listed) = try self.ordered(slice, count, basePosition: basePosition)
      try check(slice.sources.count - (hasBase ? 1 : 0), slice.place)
      let runs = try slice.sources.map { source throws(RecipeError) in try layers(of: source) }
      guard runs.allSatisfy({ $0.count == runs[0].count }) else {
        throw slice.place.error(
          "the sources of a slice must have equally many layers; here are "
            + runs.map { "\($0.count)" }.joined(separator: ", "))
      }
      var step = StepSlice(
        layerCount: runs[0].count,
        firstLayers: listed.map { $0.map { runs[$0].lowerBound } ?? 0 })
      step.shared = slice.numbers
      if steps.count + 1 == slices.count {
        // As many tensors behind the layers as the first slice has inputs.
        step.leftOutBehind = Set(
          listed.indices.filter { (listed[$0] ?? 0) >= slices[0].sources.count })
      }
      guard !step.leftOutBehind.contains(basePosition) else {
        throw slice.place.error(
          "tensors behind the layers are made of as many sources as the first slice has, and the base is none of these",
          remedy: "List the base first.")
      }
      for (position, source) in ordered.enumerated() {
        guard let source, let number = listed[position] else {
          step.own[position] = ["weight": [ScopedNumber(.constant(0))]]
          stacks[position].append(.gap(runs[0].count))
          continue
        }
        guard source.model.adapters.isEmpty else {
          throw source.place.error(
            "a slice is taken of a model as it lies, and this one has an adapter",
            remedy: "Fold the adapter first: sluice fold.")
        }
        step.own[position] = numbers(of: source, isBase: position == basePosition)
        stacks[position].append(LayerSource(path: source.model.path, layers: runs[number]))
        if !names[position].contains(source.model.name) {
          names[position].append(source.model.name)
        }
      }
      steps.append(step)
    }
    var models: [MergeRecipe.Model] = []
    for position in 0..<count where position != basePosition {
      let isLong = names[position].count > 3
      let name = isLong ? "stack" : names[position].joined(separator: "+")
      let first = stacks[position].first { !$0.isGap }
      var model = MergeRecipe.Model(name: name, path: first?.path ?? "")
      model.layers = stacks[position]
      models.append(unique(model, among: models))
    }
    let inputs = (0..<count).map { position -> StepInput in
      position == basePosition ? .base : .model(position - (position > basePosition ? 1 : 0))
    }
    var recipe = recipe(base?.path ?? stacks[basePosition][0].path, models, inputs)
    recipe.baseLayers = stacks[basePosition]
    recipe.steps?.slices = steps
    return recipe
  }

  private func recipe(
    _ base: String, _ models: [MergeRecipe.Model], _ inputs: [StepInput]
  ) -> MergeRecipe {
    var parameters = MethodParameters()
    parameters.pruning = .none
    parameters.merging = .sum
    var recipe = MergeRecipe(base: base, models: models, method: parameters)
    recipe.steps = StepSettings(method, inputs: inputs, hasBase: hasBase)
    return recipe
  }

  /// The sources of a slice in the places of a stack, and where each is listed: the base stands where it stands in
  /// the first slice, the others keep their order, and what is missing is missing at the end.
  private func ordered(
    _ slice: StepSourceSlice, _ count: Int, basePosition: Int
  ) throws(RecipeError) -> ([StepSource?], [Int?]) {
    var rest = Array(slice.sources.indices)
    var listed: [Int?] = Array(repeating: nil, count: count)
    if hasBase {
      let base = try position(ofBaseIn: slice)
      rest.removeAll { $0 == base }
      listed[basePosition] = base
    }
    for position in listed.indices where !(hasBase && position == basePosition) {
      if !rest.isEmpty { listed[position] = rest.removeFirst() }
    }
    return (listed.map { $0.map { slice.sources[$0] } }, listed)
  }

  private func position(ofBaseIn slice: StepSourceSlice) throws(RecipeError) -> Int {
    let all = slice.sources.indices.filter { index in
      base.map { slice.sources[index].model.isSame(as: $0) } ?? false
    }
    guard all.count == 1 else {
      throw slice.place.error(
        "\(method.name) works on differences from the base, which is "
          + "\(all.isEmpty ? "no source" : "more than one source") of this slice",
        remedy: "List the base_model once among the sources of each slice.")
    }
    return all[0]
  }

  /// The layers of a source; all of its model's if it does not say.
  private func layers(of source: StepSource) throws(RecipeError) -> Range<Int> {
    if let layers = source.layers { return layers }
    guard let count = ModelList.layerCount(source.model.path) else {
      throw source.place.error(
        "it is not known how many layers the model has", remedy: "Add layer_range: [0, ...].")
    }
    return 0..<count
  }

  /// What is said of a source; of a base that is listed, what is said of models does not count.
  private func numbers(of source: StepSource, isBase: Bool) -> [String: ScopedNumbers] {
    source.numbers.filter { name, _ in
      switch method.parameters.first(where: { $0.name == name })?.owner {
      case .input: true
      case .model: !(hasBase && isBase)
      case .all, nil: false
      }
    }
  }

  private func check(_ others: Int, _ name: RecipeField) throws(RecipeError) {
    guard others < method.models.least || others > method.models.most ?? .max else { return }
    let most =
      method.models.most.map { $0 == method.models.least ? "" : " to \($0)" } ?? " or more"
    throw name.error(
      "\(method.name) merges \(method.models.least)\(most) "
        + "model\(method.models.least == 1 && most.isEmpty ? "" : "s")"
        + (method.base == .unused ? "" : " beside the base")
        + ", and here are \(others)"
        + (base != nil && method.base == .unused && !sources.isSliced
          ? "; a base_model that is not listed counts as one" : ""))
  }

  /// A model under a name that no other has.
  private func unique(
    _ model: MergeRecipe.Model, among models: [MergeRecipe.Model]
  ) -> MergeRecipe.Model {
    var model = model
    let (name, taken) = (model.name, Set(models.map(\.name) + ["base"]))
    var number = 2
    while taken.contains(model.name) {
      model.name = "\(name)-\(number)"
      number += 1
    }
    return model
  }

  private func twice(_ entry: StepSource) -> RecipeError {
    entry.place.error("the same model is listed twice", remedy: "Add up the weights of the two.")
  }
}

extension MergeRecipe.Model {
  /// Whether both are the same model, whatever they are called.
  fileprivate func isSame(as other: MergeRecipe.Model) -> Bool {
    path == other.path && adapters == other.adapters
  }
}
