internal import SluiceCore
internal import SluiceFormats

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

  private func map(_ field: RecipeField) throws(RecipeError) -> [Entry] {
    var map = try RecipeMap(field)
    var entries: [Entry] = []
    for (name, value) in try map.takeNames() {
      guard value.isMap else {
        let path = RecipePath.resolve(model: try value.text(), in: directory)
        entries.append(Entry(model: MergeRecipe.Model(name: name, path: path), place: value))
        continue
      }
      var inner = try RecipeMap(value)
      let path = RecipePath.resolve(
        model: try inner.require("path").text(), in: directory)
      let parameters = inner.take("parameters")
      try inner.finish()
      entries.append(
        Entry(
          model: MergeRecipe.Model(name: name, path: path), parameters: parameters, place: value))
    }
    return entries
  }

  private func list(_ field: RecipeField) throws(RecipeError) -> [Entry] {
    var entries: [Entry] = []
    for item in try field.list(of: "models") {
      var map = try RecipeMap(item)
      let path = RecipePath.resolve(
        model: try map.require("model").text(), in: directory)
      let name = try map.take("name")?.text() ?? Directory.name(of: path)
      let parameters = map.take("parameters")
      try map.finish()
      // mergekit's examples list the base among the models, without parameters.
      if path == basePath, parameters.map({ $0.isNothing }) ?? true { continue }
      entries.append(
        Entry(
          model: MergeRecipe.Model(name: name, path: path), parameters: parameters, place: item))
    }
    return entries
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
