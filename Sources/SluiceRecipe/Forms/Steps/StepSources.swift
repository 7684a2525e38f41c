internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods

/// A model that a recipe lists, with what it says of it.
struct StepSource {
  var model: MergeRecipe.Model
  /// Whether the recipe names it, so that it is not named after its path.
  var isNamed: Bool
  /// The layers that are taken; all if nil.
  var layers: Range<Int>?
  var numbers: [String: ScopedNumbers]
  var place: RecipeField
}

/// Models that make some of the layers together, or all of them.
struct StepSourceSlice {
  var sources: [StepSource]
  var numbers: [String: ScopedNumbers] = [:]
  var place: RecipeField
}

/// What a recipe lists as `models`, `slices` or `modules`.
struct StepSourceList {
  /// One slice, if models are listed.
  var slices: [StepSourceSlice]
  /// Whether the slices are written as such, so that no base is added to them.
  var isSliced: Bool
  /// The numbers of the module.
  var shared: [String: ScopedNumbers] = [:]
}

/// Reads the models of a recipe in mergekit's grammar, and numbers wherever they may stand.
struct StepSourceReader {
  let method: StepMethod
  var places: ModelPlaces
  private(set) var warnings: [Warning] = []

  init(method: StepMethod, places: ModelPlaces) {
    self.method = method
    self.places = places
  }

  /// Reads `models`, `slices` or `modules`: one of them.
  mutating func read(_ map: inout RecipeMap) throws(RecipeError) -> StepSourceList {
    guard let modules = map.takeGiven("modules") else { return try readEither(&map) }
    for key in ["models", "slices"] {
      if let other = map.takeGiven(key) {
        throw other.error("\(key) and modules are given: a recipe has one of them")
      }
    }
    var names = try RecipeMap(modules)
    let all = try names.takeNames()
    guard all.count == 1, let module = all.first else {
      throw modules.error(
        "one module is merged, and here are \(all.count)",
        remedy: "Merge parts of a model apart, each with a recipe of its own.")
    }
    var inner = try RecipeMap(module.value)
    let numbers = try inner.takeGiven("parameters").map { field throws(RecipeError) in
      try self.numbers(field)
    }
    var list = try readEither(&inner)
    warnings += inner.leaveRest(silent: ["architecture"])
    list.shared = numbers ?? [:]
    return list
  }

  private mutating func readEither(_ map: inout RecipeMap) throws(RecipeError) -> StepSourceList {
    guard let slices = map.takeGiven("slices") else {
      let field = try map.require("models")
      let sources = try sources(field, areSliced: false)
      return StepSourceList(
        slices: [StepSourceSlice(sources: sources, place: field)], isSliced: false)
    }
    if let models = map.takeGiven("models") {
      throw models.error("models and slices are given: a recipe has one of them")
    }
    var result: [StepSourceSlice] = []
    for item in try slices.list(of: "slices") {
      var map = try RecipeMap(item)
      let sources = try sources(try map.require("sources"), areSliced: true)
      let numbers = try map.takeGiven("parameters").map { field throws(RecipeError) in
        try self.numbers(field)
      }
      warnings += map.leaveRest(silent: ["base-model", "residual-weight"])
      result.append(StepSourceSlice(sources: sources, numbers: numbers ?? [:], place: item))
    }
    guard !result.isEmpty else { throw slices.error("no slice is given") }
    return StepSourceList(slices: result, isSliced: true)
  }

  private mutating func sources(
    _ field: RecipeField, areSliced: Bool
  ) throws(RecipeError) -> [StepSource] {
    var sources: [StepSource] = []
    for item in try field.list(of: "models") {
      var map = try RecipeMap(item)
      let path = try places.model(try map.require("model"))
      let name = try map.takeGiven("name")?.text()
      let numbers = try map.takeGiven("parameters").map { field throws(RecipeError) in
        try self.numbers(field)
      }
      let layers = try map.takeGiven("layer_range").map { range throws(RecipeError) in
        try StepSourceReader.layers(range)
      }
      warnings += map.leaveRest(reasons: [
        "revision": "A revision belongs behind the name: model: org/name@revision.",
        "weight": "It belongs among the parameters of the model.",
        "density": "It belongs among the parameters of the model.",
      ])
      sources.append(
        StepSource(
          model: path.model(named: name ?? path.name), isNamed: name != nil,
          layers: areSliced ? layers : nil, numbers: numbers ?? [:], place: item))
      guard !areSliced, let layers else { continue }
      try StepSourceReader.check(layers, areAllOf: path, item)
    }
    guard !sources.isEmpty else { throw field.error("no model is given") }
    return sources
  }

  private static func layers(_ field: RecipeField) throws(RecipeError) -> Range<Int> {
    let bounds = try field.list(of: "the first layer and the one after the last")
    guard bounds.count == 2 else {
      throw field.error("two numbers are expected: the first layer and the one after the last")
    }
    let (first, end) = (try bounds[0].number(.whole), try bounds[1].number(.whole))
    guard first >= 0, first < end, end <= 100_000 else {
      throw field.error(
        "the first layer and the one after the last are expected, such as [0, 16]; these are "
          + "\(Int(first)) and \(Int(min(end, 1e9)))")
    }
    return Int(first)..<Int(end)
  }

  /// Checks what a model of a list says of its layers: there it may only be all.
  private static func check(
    _ layers: Range<Int>, areAllOf path: AdaptedPath, _ place: RecipeField
  ) throws(RecipeError) {
    let count = ModelList.layerCount(path.model(named: "model").path)
    guard layers.lowerBound == 0, count == nil || layers.upperBound == count else {
      throw place.error(
        "layer_range takes some of the layers, which models cannot do",
        remedy: "Write slices: [{sources: [{model: .., layer_range: ..}]}].")
    }
  }

  /// Reads numbers of one scope.
  mutating func numbers(_ field: RecipeField) throws(RecipeError) -> [String: ScopedNumbers] {
    var map = try RecipeMap(field)
    var result: [String: ScopedNumbers] = [:]
    for parameter in method.parameters {
      // Masks are single bits here, whatever is said of them.
      if let value = map.takeGiven(parameter.name), parameter.name != "int8_mask" {
        result[parameter.name] = try value.scopedNumbers(isTruth: parameter.isTruth)
      }
    }
    var reasons: [String: String] = [:]
    for row in ParameterRow.all {
      reasons[row.name] =
        "it belongs to sluice's own methods, and a list of models with this method is mergekit's grammar: "
        + "write merge_method: sluice-\(method.name)"
    }
    // Parameters of other methods are left in many recipes.
    for name in StepMethod.allParameters { reasons[name.dashed] = nil }
    try map.refuse(reasons)
    warnings += map.leaveRest(
      silent: Set(StepMethod.allParameters.map(\.dashed) + ["int8-mask", "int-space"]))
    return result
  }
}

extension String {
  fileprivate var dashed: String { String(map { $0 == "_" ? "-" : $0 }) }
}
