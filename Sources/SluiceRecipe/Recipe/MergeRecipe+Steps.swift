internal import SluiceCore
package import SluiceMethods
internal import SluiceStages

/// Recipes in mergekit's grammar: what makes them what they are, and how they are written.
extension MergeRecipe {
  /// What a recipe in mergekit's grammar says beside the parameters of every merge.
  var stepFacts: [(name: String, value: String)] {
    guard let steps else { return [] }
    var facts = [(name: "merge_method", value: steps.method.name)]
    facts.append(("rounding", steps.rounding.rawValue))
    facts.append(("inputs", steps.inputs.map { name(of: $0) }.joined(separator: ", ")))
    facts.append(("base", steps.hasBase ? "given" : "none"))
    if let dtype = steps.dtype { facts.append(("working type", dtype.rawValue)) }
    if let dtype = steps.outputDType { facts.append(("written type", dtype.rawValue)) }
    if steps.method.draws { facts.append(("seed", "\(method.seed)")) }
    facts += vocabularyFacts(steps)
    facts += steps.shared.sorted { $0.key < $1.key }.map { ($0.key, $0.value.recipeText) }
    for (input, own) in zip(steps.inputs, steps.own) {
      facts += own.sorted { $0.key < $1.key }.map {
        ("\($0.key) of \(name(of: input))", $0.value.recipeText)
      }
    }
    for (number, slice) in steps.slices.enumerated() {
      facts.append(("slice \(number + 1)", "\(slice.layerCount) layers"))
      facts += slice.shared.sorted { $0.key < $1.key }.map {
        ("\($0.key) of slice \(number + 1)", $0.value.recipeText)
      }
      for (input, own) in zip(steps.inputs, slice.own) {
        facts += own.sorted { $0.key < $1.key }.map {
          ("\($0.key) of \(name(of: input)) in slice \(number + 1)", $0.value.recipeText)
        }
      }
    }
    return facts
  }

  func name(of input: StepInput) -> String {
    switch input {
    case .base: "base"
    case .model(let model): models[model].name
    }
  }

  /// The recipe as a text in mergekit's grammar.
  func stepText(_ steps: StepSettings, _ paths: WrittenPaths) -> String {
    var text = "merge_method: \(steps.method.name)\n"
    if namesBase(steps) {
      text += "base_model: \(paths.model(base).quotedForYAML)\n"
    }
    text += isStacked ? "slices:\n" + sliceText(steps, paths) : "models:\n"
    for (input, own) in zip(steps.inputs, steps.own) where !isStacked {
      var place = paths.model(base)
      if case .model(let model) = input {
        place = ([models[model].path] + models[model].adapters.map(\.path)).map(paths.model)
          .joined(separator: "+")
      }
      text += "  - model: \(place.quotedForYAML)\n"
      if case .model(let model) = input {
        text += "    name: \(models[model].name.quotedForYAML)\n"
      }
      if !own.isEmpty { text += "    parameters: {\(pairs(own))}\n" }
    }
    if !steps.shared.isEmpty { text += "parameters: {\(pairs(steps.shared))}\n" }
    text += vocabularyText(steps, paths)
    if let dtype = steps.dtype { text += "dtype: \(torchName(dtype))\n" }
    if let dtype = steps.outputDType { text += "out_dtype: \(torchName(dtype))\n" }
    text += "rounding: \(steps.rounding.rawValue)\n"
    let settings = MergeRecipe.settings(of: steps.method).filter { method[$0] != $0.defaultValue }
    var lines = settings.compactMap { row in
      method[row].recipeText.map { "\(row.name): \($0)" }
    }
    if paths.isRelative { lines.append("\(ModelPlaces.key): recipe") }
    if !lines.isEmpty { text += "sluice: {\(lines.joined(separator: ", "))}\n" }
    return text
  }

  /// Whether `base_model` has to be said: without it, the first of the list takes the place of the base.
  private func namesBase(_ steps: StepSettings) -> Bool {
    if steps.hasBase || steps.vocabulary?.prefersBase == true { return true }
    return isStacked ? steps.method.base == .unused : steps.inputs.first != .base
  }

  /// The slices of a stack, one a line for each of its sources.
  private func sliceText(_ steps: StepSettings, _ paths: WrittenPaths) -> String {
    var text = ""
    for (number, slice) in steps.slices.enumerated() {
      text += "  - sources:\n"
      for (input, own) in zip(steps.inputs, slice.own) {
        var source = baseLayers[number]
        var name = ""
        if case .model(let model) = input {
          source = models[model].layers[number]
          name = "name: \(models[model].name.quotedForYAML), "
        }
        if source.isGap { continue }
        let range = "[\(source.layers.lowerBound), \(source.layers.upperBound)]"
        let numbers = own.isEmpty ? "" : ", parameters: {\(pairs(own))}"
        text +=
          "      - {model: \(paths.model(source.path).quotedForYAML), \(name)layer_range: \(range)"
          + "\(numbers)}\n"
      }
      if !slice.shared.isEmpty { text += "    parameters: {\(pairs(slice.shared))}\n" }
    }
    return text
  }

  /// How a recipe in mergekit's grammar is computed, in words; nil for our own methods.
  package var stepText: String? {
    steps.map { steps in
      "\(steps.method.name) as mergekit 0.1.5 means it, "
        + (steps.rounding == .steps
          ? "each operation rounded to \(steps.dtype?.rawValue ?? "the type of the inputs")"
          : "in F32, the result rounded once")
    }
  }

  /// The stages of a method in mergekit's grammar.
  func resolvedStages(_ steps: StepSettings) -> [ResolvedStage] {
    let working = steps.dtype?.rawValue ?? "the type of the inputs"
    let each =
      steps.rounding == .steps
      ? "each operation rounded to \(working)" : "in F32, the result rounded once"
    var stages = [builtIn("read")]
    stages.append(
      ResolvedStage(name: steps.method.takesDifferences ? "delta" : "weights", arguments: each))
    var sparsity: [String] = []
    if steps.dropsDeltas {
      switch steps.method.sparsity {
      case .none: break
      case .largest, .middle: sparsity.append("band")
      case .draws: sparsity.append("draw")
      case .ranks: sparsity.append("draw by rank")
      }
      if steps.passes.contains(.maskSums) { sparsity.append("rescale") }
    }
    stages += sparsity.map { ResolvedStage(name: $0, arguments: "") }
    let names = stepFacts.filter { !["base", "rounding", "merge_method"].contains($0.name) }
    stages.append(
      ResolvedStage(
        name: "merge",
        arguments:
          "\(steps.method.name) as mergekit 0.1.5 means it, since the recipe has its grammar: "
          + names.map { "\($0.name) \($0.value)" }.joined(separator: "; ")))
    return stages + [builtIn("write")]
  }

  /// Parameters of every merge that a recipe in mergekit's grammar says in its own way.
  static let settled: Set<String> = ["dtype", "prune", "merge", "merge-scale", "nonlinear"]

  /// Our own settings that a method in mergekit's grammar has.
  static func settings(of method: StepMethod) -> [ParameterRow] {
    ParameterRow.all.filter { row in
      row.isOfEveryMerge && !settled.contains(row.name)
        || method.draws && row.name == ParameterRow.at(\.seed).name
    }
  }

  private func pairs(_ numbers: [String: ScopedNumbers]) -> String {
    numbers.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.recipeText)" }
      .joined(separator: ", ")
  }

  private func torchName(_ dtype: DType) -> String {
    DType.torchNames.first { $0.value == dtype.rawValue }?.key ?? dtype.rawValue
  }
}

extension ParameterRow {
  /// Whether all merges look at it, whatever their methods.
  package var isOfEveryMerge: Bool { ParameterOwners.byName[name] == nil }
}

extension ScopedNumbers {
  /// The numbers as a recipe writes them.
  var recipeText: String {
    func text(_ value: ScopedNumber.Value) -> String {
      switch value {
      case .constant(let number): "\(number)"
      case .gradient(let numbers): "[\(numbers.map { "\($0)" }.joined(separator: ", "))]"
      case .levels(let numbers):
        "[\(numbers.map { $0 != 0 ? "true" : "false" }.joined(separator: ", "))]"
      }
    }
    if count == 1, self[0].filter == nil { return text(self[0].value) }
    let list = map { number in
      let filter = number.filter.map { "filter: \($0.quotedForYAML), " } ?? ""
      return "{\(filter)value: \(text(number.value))}"
    }
    return "[\(list.joined(separator: ", "))]"
  }
}
