internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceStages

/// Recipes in mergekit's grammar: `merge_method` with a list of `models`, or `slices`.
///
/// They mean what mergekit 0.1.5 means, to the default. A mapping in the place of the list is our own method
/// form, and so is a name with `sluice-` before it.
struct StepForm {
  let directory: String

  /// Whether a recipe is in mergekit's grammar and names one of its methods.
  static func isMeant(_ method: RecipeField?, by map: RecipeMap) -> Bool {
    guard let method, case .scalar(let text, _) = method.node.content else { return false }
    guard StepMethod.named(canonical(text)) != nil else { return false }
    return map.peek("slices") != nil || map.peek("modules") != nil
      || map.peek("models").map(\.isList) ?? true
  }

  static func canonical(_ text: String) -> String { String(text.map { $0 == "-" ? "_" : $0 }) }

  /// An input as the recipe lists it.
  private struct Entry {
    var model: MergeRecipe.Model
    var parameters: RecipeField?
    var place: RecipeField
    var isNamed: Bool
  }

  /// Reads the form.
  func read(_ map: inout RecipeMap) throws(RecipeError) -> MergeRecipe {
    let name = try map.require("merge_method")
    guard let method = StepMethod.named(StepForm.canonical(try name.text())) else {
      preconditionFailure("the form is chosen by the method's name")
    }
    let base = try map.take("base_model").map { field throws(RecipeError) in
      AdaptedPath(try field.text(), in: directory).model(named: "base")
    }
    if method.base == .required, base == nil {
      throw name.error("\(method.name) needs a base_model", remedy: "Add base_model: PATH.")
    }
    let isSliced = map.peek("models") == nil && map.peek("slices") != nil
    var entries = try read(&map, base: base)
    if let base, !isSliced, !entries.contains(where: { $0.model.isSame(as: base) }) {
      entries.append(Entry(model: base, parameters: nil, place: name, isNamed: true))
    }
    var recipe = try recipe(entries, base, method, name)
    try readNumbers(&map, entries, &recipe)
    try readTypes(&map, &recipe)
    return recipe
  }

  /// The models, with what stands in the base's place.
  private func recipe(
    _ entries: [Entry], _ base: MergeRecipe.Model?, _ method: StepMethod, _ name: RecipeField
  ) throws(RecipeError) -> MergeRecipe {
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
      var model = entry.model
      if !entry.isNamed {
        let taken = Set(models.map(\.name) + ["base"])
        var number = 2
        while taken.contains(model.name) {
          model.name = "\(entry.model.name)-\(number)"
          number += 1
        }
      }
      inputs.append(.model(models.count))
      models.append(model)
    }
    let hasBase = base != nil && method.base != .unused
    let others = inputs.count - (hasBase && inputs.contains(.base) ? 1 : 0)
    guard others >= method.models.least, others <= method.models.most ?? .max else {
      let most =
        method.models.most.map { $0 == method.models.least ? "" : " to \($0)" } ?? " or more"
      throw name.error(
        "\(method.name) merges \(method.models.least)\(most) "
          + "model\(method.models.least == 1 && most.isEmpty ? "" : "s")"
          + (method.base == .unused ? "" : " beside the base")
          + ", and here are \(others)"
          + (base != nil && method.base == .unused
            ? "; a base_model that is not listed counts as one" : ""))
    }
    var parameters = MethodParameters()
    parameters.pruning = .none
    parameters.merging = .sum
    var recipe = MergeRecipe(base: first.path, models: models, method: parameters)
    recipe.steps = StepSettings(method, inputs: inputs, hasBase: hasBase)
    return recipe
  }

  private func twice(_ entry: Entry) -> RecipeError {
    entry.place.error("the same model is listed twice", remedy: "Add up the weights of the two.")
  }

  private func read(
    _ map: inout RecipeMap, base: MergeRecipe.Model?
  ) throws(RecipeError) -> [Entry] {
    let field = try sources(&map)
    var entries: [Entry] = []
    for item in try field.list(of: "models") {
      var map = try RecipeMap(item)
      let path = AdaptedPath(try map.require("model").text(), in: directory)
      let name = try map.take("name")?.text()
      let model = path.model(named: name ?? path.name)
      let parameters = map.take("parameters")
      if let range = map.take("layer_range") { try ModelList.checkRange(range, model.path) }
      try map.finish()
      entries.append(
        Entry(model: model, parameters: parameters, place: item, isNamed: name != nil))
    }
    guard !entries.isEmpty else { throw field.error("no model is given") }
    return entries
  }

  /// `models`, or the sources of the one slice that stands for them.
  private func sources(_ map: inout RecipeMap) throws(RecipeError) -> RecipeField {
    guard map.peek("models") == nil, let field = map.take("slices") else {
      return try map.require("models")
    }
    let slices = try field.list(of: "slices")
    guard slices.count == 1, let slice = slices.first else {
      throw field.error(ForeignKeys.stacking, remedy: "Write one slice of all layers, or models.")
    }
    var map = try RecipeMap(slice)
    let sources = try map.require("sources")
    try map.finish(reasons: ["parameters": "write it beside slices, or for each source"])
    return sources
  }

  private func readNumbers(
    _ map: inout RecipeMap, _ entries: [Entry], _ recipe: inout MergeRecipe
  ) throws(RecipeError) {
    guard var steps = recipe.steps else { return }
    if let field = map.take("parameters") {
      steps.shared = try numbers(field, steps.method)
    }
    for (position, entry) in entries.enumerated() {
      guard let field = entry.parameters, !field.isNothing else { continue }
      let own = try numbers(field, steps.method)
      for parameter in steps.method.parameters where own[parameter.name] != nil {
        switch parameter.owner {
        case .input: break
        // What is said of a base that is listed does not count.
        case .model where steps.hasBase && steps.inputs[position] == .base: continue
        case .model: break
        case .all: continue
        }
        steps.own[position][parameter.name] = own[parameter.name]
      }
    }
    for parameter in steps.method.parameters where parameter.defaultValue == nil {
      try check(parameter, entries, steps)
    }
    recipe.steps = steps
  }

  /// Refuses a number that is missing everywhere; the plan looks at each tensor.
  private func check(
    _ parameter: StepParameter, _ entries: [Entry], _ steps: StepSettings
  ) throws(RecipeError) {
    guard steps.shared[parameter.name] == nil else { return }
    let advice = "Add parameters: {\(parameter.name): ...}."
    for (position, entry) in entries.enumerated() {
      if parameter.owner == .model, steps.hasBase, steps.inputs[position] == .base { continue }
      if parameter.owner != .all, steps.own[position][parameter.name] != nil { continue }
      guard parameter.owner != .all else {
        throw entry.place.error("\(steps.method.name) needs \(parameter.name)", remedy: advice)
      }
      throw entry.place.error(
        "the model \(entry.model.name.printable) has no \(parameter.name)", remedy: advice)
    }
  }

  private func numbers(
    _ field: RecipeField, _ method: StepMethod
  ) throws(RecipeError) -> [String: ScopedNumbers] {
    var map = try RecipeMap(field)
    var result: [String: ScopedNumbers] = [:]
    for parameter in method.parameters {
      // Masks are single bits here, whatever is said of them.
      if let value = map.take(parameter.name.dashed), parameter.name != "int8_mask" {
        result[parameter.name] = try value.scopedNumbers(isTruth: parameter.isTruth)
      }
    }
    // Parameters of other methods are left in many recipes.
    for name in StepMethod.allParameters { _ = map.take(name.dashed) }
    var reasons: [String: String] = [:]
    for row in ParameterRow.all {
      reasons[row.name] =
        "it belongs to sluice's own methods, and a list of models with this method is mergekit's grammar: "
        + "write merge_method: sluice-\(method.name)"
    }
    try map.finish(reasons: reasons)
    return result
  }

  private func readTypes(
    _ map: inout RecipeMap, _ recipe: inout MergeRecipe
  ) throws(RecipeError) {
    if let field = map.take("rounding") {
      let word = try field.word(among: StepRounding.allCases.map(\.rawValue))
      recipe.steps?.rounding = StepRounding(rawValue: word) ?? .steps
    }
    recipe.steps?.dtype = try map.take("dtype").map { field throws(RecipeError) in
      try field.workingType()
    }
    recipe.steps?.outputDType = try map.take("out-dtype").map { field throws(RecipeError) in
      try field.workingType()
    }
    // The parameters of every merge are ours, and have a place of their own.
    guard let field = map.take("sluice") else { return }
    var own = try RecipeMap(field)
    for row in ParameterRow.all where row.isOfEveryMerge && !MergeRecipe.settled.contains(row.name)
    {
      if let value = own.take(row.name) { recipe.method[row] = try value.value(of: row) }
    }
    try own.finish()
  }
}

extension StepMethod {
  /// The names of the parameters of all methods.
  static let allParameters: [String] = Set(table.flatMap { $0.parameters.map(\.name) }).sorted()
}

extension MergeRecipe.Model {
  /// Whether both are the same model, whatever they are called.
  fileprivate func isSame(as other: MergeRecipe.Model) -> Bool {
    path == other.path && adapters == other.adapters
  }
}

extension String {
  fileprivate var dashed: String { String(map { $0 == "_" ? "-" : $0 }) }
}

extension RecipeField {
  /// A number, a truth value, a list of them over the depth, or such values for names that match.
  fileprivate func scopedNumbers(isTruth: Bool) throws(RecipeError) -> ScopedNumbers {
    if isMap { return [try scopedNumber(isTruth: isTruth)] }
    guard isList else { return [ScopedNumber(try stepValue(isTruth: isTruth))] }
    let items = try list(of: "numbers or filters")
    guard let first = items.first else { throw error("the list is empty") }
    guard first.isMap else { return [ScopedNumber(try stepValue(isTruth: isTruth))] }
    var numbers: ScopedNumbers = []
    for item in items { numbers.append(try item.scopedNumber(isTruth: isTruth)) }
    return numbers
  }

  private func scopedNumber(isTruth: Bool) throws(RecipeError) -> ScopedNumber {
    var map = try RecipeMap(self)
    let filter = try map.take("filter").flatMap { field throws(RecipeError) in
      field.isNothing ? nil : try field.text()
    }
    let value = try map.require("value").stepValue(isTruth: isTruth)
    try map.finish()
    return ScopedNumber(filter: filter == "*" ? nil : filter, value)
  }

  private func stepValue(isTruth: Bool) throws(RecipeError) -> ScopedNumber.Value {
    guard isList else { return .constant(try stepNumber(isTruth: isTruth)) }
    var numbers: [Double] = []
    for item in try list(of: isTruth ? "truth values" : "numbers") {
      numbers.append(try item.stepNumber(isTruth: isTruth))
    }
    guard !numbers.isEmpty else { throw error("the list is empty") }
    if isTruth { return .levels(numbers) }
    return numbers.count == 1 ? .constant(numbers[0]) : .gradient(numbers)
  }

  /// A number, which may stand in quotes; truth values also as 1 and 0.
  private func stepNumber(isTruth: Bool) throws(RecipeError) -> Double {
    guard case .scalar(let text, _) = node.content else { return try number() }
    if text == "true" || text == "false" { return text == "true" ? 1 : 0 }
    let number = Decimal.parse(text)
    if isTruth {
      guard let number, number == 0 || number == 1 else { return try truth() ? 1 : 0 }
      return number
    }
    guard let number, number.isFinite else { return try self.number() }
    return number
  }

  /// A type that arithmetic can be done in.
  fileprivate func workingType() throws(RecipeError) -> DType {
    guard case .scalar(let text, _) = node.content else {
      throw error("the name of a type is expected")
    }
    let name = text.hasPrefix("torch.") ? String(text.dropFirst("torch.".count)) : text
    let word = DType.torchNames[name] ?? name
    guard let dtype = DType(rawValue: word), [.f32, .f16, .bf16].contains(dtype) else {
      throw error(
        "methods compute in float32, float16 or bfloat16, not in \(text.quotedForMessage)",
        remedy: word == "F64" ? "Write float32: sums are exact to 53 bits anyway." : nil)
    }
    return dtype
  }
}
