internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceStages

/// Recipes in mergekit's grammar: `merge_method` with a list of `models`, with `slices`, or with `modules`.
///
/// They mean what mergekit 0.1.5 means, to the default; a key that it does not know changes nothing here
/// either, and is said. A mapping in the place of the list is our own method form, and so is a name with
/// `sluice-` before it.
struct StepForm {
  private(set) var places: ModelPlaces
  /// What was noticed.
  private(set) var warnings: [Warning] = []

  /// Prepares the form for a recipe that lies in a directory.
  init(directory: String) { places = ModelPlaces(directory: directory) }

  /// Whether a recipe is in mergekit's grammar and names one of its methods.
  static func isMeant(_ method: RecipeField?, by map: RecipeMap) -> Bool {
    guard let method, case .scalar(let text, _) = method.node.content else { return false }
    guard StepMethod.named(canonical(text)) != nil else { return false }
    return map.peek("slices") != nil || map.peek("modules") != nil
      || map.peek("models").map(\.isList) ?? true
  }

  static func canonical(_ text: String) -> String { String(text.map { $0 == "-" ? "_" : $0 }) }

  /// Keys at the top that people write and that change nothing.
  private static let silent: Set = ["int8-mask", "residual-weight", "dtype-accumulate"]

  /// Reads the form.
  ///
  /// - Parameter map: The recipe, from which nothing is left over.
  /// - Returns: What it means.
  /// - Throws: `RecipeError` with the place of what is wrong.
  mutating func read(_ map: inout RecipeMap) throws(RecipeError) -> MergeRecipe {
    let name = try map.require("merge_method")
    guard let method = StepMethod.named(StepForm.canonical(try name.text())) else {
      preconditionFailure("the form is chosen by the method's name")
    }
    if let own = map.peek("sluice") { try places.read(try RecipeMap(own)) }
    let base = try map.takeGiven("base_model").map { field throws(RecipeError) in
      try places.model(field).model(named: "base")
    }
    if method.base == .required, base == nil {
      throw name.error("\(method.name) needs a base_model", remedy: "Add base_model: PATH.")
    }
    var reader = StepSourceReader(method: method, places: places)
    let sources = try reader.read(&map)
    let shared = try map.takeGiven("parameters").map { field throws(RecipeError) in
      try reader.numbers(field)
    }
    places = reader.places
    warnings += reader.warnings
    var recipe = try StepInputs(method: method, base: base, name: name, sources: sources).recipe()
    let outer = (shared ?? [:]).fallback(of: sources.shared)
    let inner = recipe.steps?.shared ?? [:]
    recipe.steps?.shared = outer.fallback(of: inner)
    if let steps = recipe.steps, steps.slices.isEmpty {
      let entries = sources.slices[0].sources
      for parameter in steps.method.parameters where parameter.defaultValue == nil {
        try check(parameter, entries, steps, name)
      }
    }
    try readTypes(&map, &recipe)
    var tokenizer = TokenizerKeys(places: places)
    try tokenizer.read(&map, &recipe, hasBase: base != nil)
    places = tokenizer.places
    return recipe
  }

  /// Leaves the keys at the top aside that nothing has looked at.
  ///
  /// - Parameter map: What is left of the recipe.
  mutating func finish(_ map: RecipeMap) {
    warnings += map.leaveRest(silent: StepForm.silent)
    warnings += places.warnings
  }

  /// Refuses a number that is missing everywhere; the plan looks at each tensor.
  private func check(
    _ parameter: StepParameter, _ entries: [StepSource], _ steps: StepSettings,
    _ name: RecipeField
  ) throws(RecipeError) {
    guard steps.shared[parameter.name] == nil else { return }
    let advice = "Add parameters: {\(parameter.name): ...}."
    guard parameter.owner != .all else {
      throw name.error("\(steps.method.name) needs \(parameter.name)", remedy: advice)
    }
    for (position, entry) in entries.enumerated() {
      if parameter.owner == .model, steps.hasBase, steps.inputs[position] == .base { continue }
      guard steps.own[position][parameter.name] == nil else { continue }
      throw entry.place.error(
        "the model \(entry.model.name.printable) has no \(parameter.name)", remedy: advice)
    }
    // A base that nobody listed says nothing of itself.
    for position in steps.inputs.indices.dropFirst(entries.count)
    where !(parameter.owner == .model && steps.hasBase && steps.inputs[position] == .base) {
      throw name.error(
        "the model base has no \(parameter.name): a base_model that is not listed counts as an input",
        remedy: "List it among the models, with parameters: {\(parameter.name): ...}.")
    }
  }

  private func readTypes(
    _ map: inout RecipeMap, _ recipe: inout MergeRecipe
  ) throws(RecipeError) {
    if let field = map.take("rounding") {
      let word = try field.word(among: StepRounding.allCases.map(\.rawValue))
      recipe.steps?.rounding = StepRounding(rawValue: word) ?? .steps
    }
    recipe.steps?.dtype = try map.takeGiven("dtype").map { field throws(RecipeError) in
      try field.workingType()
    }
    recipe.steps?.outputDType = try map.takeGiven("out-dtype").map { field throws(RecipeError) in
      try field.workingType()
    }
    // The parameters of every merge are ours, and have a place of their own.
    guard let field = map.takeGiven("sluice") else { return }
    var own = try RecipeMap(field)
    _ = own.take(ModelPlaces.key)
    let rows = recipe.steps.map { MergeRecipe.settings(of: $0.method) } ?? []
    for row in rows {
      if let value = own.take(row.name) { recipe.method[row] = try value.value(of: row) }
    }
    try own.finish()
  }
}

extension StepMethod {
  /// The names of the parameters of all methods.
  static let allParameters: [String] = Set(table.flatMap { $0.parameters.map(\.name) }).sorted()
}

extension RecipeMap {
  /// Takes the value of a key; nothing after the key is as if it were not there.
  mutating func takeGiven(_ key: String) -> RecipeField? {
    take(key).flatMap { $0.isNothing ? nil : $0 }
  }
}

extension [String: ScopedNumbers] {
  /// These numbers where others say nothing.
  func fallback(of others: [String: ScopedNumbers]) -> [String: ScopedNumbers] {
    others.merging(self) { $0 + $1 }
  }
}
