internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods

/// The models of a recipe, as a list (mergekit's form) or as a mapping of names to paths.
struct ModelList {
  struct Entry {
    var model: MergeRecipe.Model
    /// What the recipe says of this model alone.
    var parameters: RecipeField?
    var place: RecipeField
  }

  let directory: String
  let basePath: String

  /// Reads the models.
  func read(_ field: RecipeField) throws(RecipeError) -> [Entry] {
    let entries = field.isList ? try list(field) : try map(field)
    guard !entries.isEmpty else { throw field.error("no fine-tuned model is given") }
    var names: Set<String> = ["base"]
    for (position, entry) in entries.enumerated() {
      let name = entry.model.name
      guard names.insert(name).inserted else {
        throw entry.place.error(
          "the model name \(name.quotedForMessage) is taken"
            + (name == "base" ? ": the base model is called base" : ""),
          remedy: "Give models[\(position)] a name of its own: name: ...")
      }
    }
    return entries
  }

  /// Reads `models`, or the sources of the one slice that stands for them.
  func readEither(_ map: inout RecipeMap) throws(RecipeError) -> [Entry] {
    if map.peek("models") == nil, let slices = map.take("slices") {
      return try read(slices: slices)
    }
    return try read(try map.require("models"))
  }

  /// Reads `slices` that leave every model whole: one slice, of all layers of each model.
  private func read(slices field: RecipeField) throws(RecipeError) -> [Entry] {
    let slices = try field.list(of: "slices")
    guard slices.count == 1, let slice = slices.first else {
      throw field.error(ForeignKeys.stacking, remedy: "Write one slice of all layers, or models.")
    }
    var map = try RecipeMap(slice)
    let sources = try map.require("sources")
    try map.finish(reasons: ["parameters": "write it beside slices, or for each source"])
    return try read(sources)
  }

  /// Checks that a source is the whole stack of its model's layers.
  static func checkRange(_ field: RecipeField, _ path: String) throws(RecipeError) {
    let bounds = try field.list(of: "the first layer and the one after the last")
    guard bounds.count == 2 else {
      throw field.error("two numbers are expected: the first layer and the one after the last")
    }
    let (first, end) = (try bounds[0].number(), try bounds[1].number())
    let count = ModelList.layerCount(path)
    guard first == 0, count == nil || end == Double(count ?? 0) else {
      throw field.error(
        "\(ForeignKeys.stacking) (\(path.printable) has \(count.map(String.init) ?? "other") layers)",
        remedy: "Write a slice of all layers, or models.")
    }
  }

  /// How many layers a model has, if its config is at hand and says so.
  static func layerCount(_ path: String) -> Int? {
    guard let directory = try? HubCache.resolve(path),
      let text = try? InputFile.contents(of: "\(directory)/config.json", byteLimit: 1 << 24)
    else { return nil }
    return (try? ModelConfig(text, file: path)).flatMap(LayeredConfig.layerCount)
  }

  private func map(_ field: RecipeField) throws(RecipeError) -> [Entry] {
    var map = try RecipeMap(field)
    var entries: [Entry] = []
    for (name, value) in try map.takeNames() {
      guard value.isMap else {
        let model = AdaptedPath(try value.text(), in: directory).model(named: name)
        entries.append(Entry(model: model, place: value))
        continue
      }
      var inner = try RecipeMap(value)
      let listed = try adapters(inner.take("adapters"))
      // Adapters alone stand on the base.
      let path = listed.isEmpty ? try inner.require("path") : inner.take("path")
      var model =
        try path.map { path throws(RecipeError) in
          AdaptedPath(try path.text(), in: directory).model(named: name)
        } ?? MergeRecipe.Model(name: name, path: basePath)
      model.adapters += listed
      let parameters = inner.take("parameters")
      try inner.finish()
      entries.append(Entry(model: model, parameters: parameters, place: value))
    }
    return entries
  }

  private func list(_ field: RecipeField) throws(RecipeError) -> [Entry] {
    var entries: [Entry] = []
    for item in try field.list(of: "models") {
      var map = try RecipeMap(item)
      let path = AdaptedPath(try map.require("model").text(), in: directory)
      let name = try map.take("name")?.text() ?? path.name
      var model = path.model(named: name)
      model.adapters += try adapters(map.take("adapters"))
      let parameters = map.take("parameters")
      if let range = map.take("layer_range") { try ModelList.checkRange(range, model.path) }
      try map.finish()
      // mergekit's examples list the base among the models, without parameters.
      if model.adapters.isEmpty, model.path == basePath, parameters.map({ $0.isNothing }) ?? true {
        continue
      }
      entries.append(Entry(model: model, parameters: parameters, place: item))
    }
    return entries
  }

  /// `[path, {path: ..., scale: ...}]`.
  private func adapters(_ field: RecipeField?) throws(RecipeError) -> [MergeRecipe.Adapter] {
    guard let field else { return [] }
    var adapters: [MergeRecipe.Adapter] = []
    for item in try field.list(of: "adapters") {
      guard item.isMap else {
        adapters.append(
          MergeRecipe.Adapter(path: RecipePath.resolve(model: try item.text(), in: directory)))
        continue
      }
      var map = try RecipeMap(item)
      var adapter = MergeRecipe.Adapter(
        path: RecipePath.resolve(model: try map.require("path").text(), in: directory))
      if let scale = map.take("scale") { adapter.scale = try scale.number(.any) }
      try map.finish()
      adapters.append(adapter)
    }
    guard !adapters.isEmpty else { throw field.error("no adapter is given") }
    return adapters
  }
}

/// Paths in recipes: relative to the recipe.
enum RecipePath {
  /// The path of a model, or its name on the hub where nothing lies at the path.
  static func resolve(model path: String, in directory: String) -> String {
    let resolved = resolve(path, in: directory)
    guard HubCache.isName(path), (try? FileStatus.of(resolved)) ?? nil == nil else {
      return resolved
    }
    return path
  }

  static func resolve(_ path: String, in directory: String) -> String {
    if path.hasPrefix("/") || directory == "." { return path }
    return directory.hasSuffix("/") ? directory + path : "\(directory)/\(path)"
  }
}
