internal import SluiceCore
internal import SluiceFormats

/// Where the models of a recipe in mergekit's grammar lie: paths start at the working directory, as they do
/// in mergekit, and at the recipe's where nothing lies there.
struct ModelPlaces {
  /// The key, among those of ours, that makes paths start at the recipe's directory.
  static let key = "paths"

  private let directory: String
  private var startsAtRecipe = false
  /// What was found elsewhere than where paths start, or in both places.
  private(set) var warnings: [Warning] = []
  private var said: Set<String> = []

  /// Describes where paths start.
  init(directory: String) { self.directory = directory }

  /// Reads where paths start, if the recipe says it.
  mutating func read(_ map: RecipeMap) throws(RecipeError) {
    guard let field = map.peek(ModelPlaces.key) else { return }
    startsAtRecipe = try field.word(among: ["recipe", "here"]) == "recipe"
  }

  /// A model reference: `PATH[@REVISION][+ADAPTER[@REVISION]]`, or a mapping of the same.
  mutating func model(_ field: RecipeField) throws(RecipeError) -> AdaptedPath {
    let text = try field.isMap ? ModelPlaces.text(field) : field.text()
    return AdaptedPath(text) { resolve($0, field) }
  }

  /// `{model: {path, revision}, lora: {path, revision}}` as a text.
  private static func text(_ field: RecipeField) throws(RecipeError) -> String {
    var map = try RecipeMap(field)
    var text = try part(try map.require("model"))
    if let lora = map.takeGiven("lora") { text += "+" + (try part(lora)) }
    // It says which table of names mergekit looks into.
    _ = map.take("override_architecture")
    try map.finish()
    return text
  }

  private static func part(_ field: RecipeField) throws(RecipeError) -> String {
    guard field.isMap else { return try field.text() }
    var map = try RecipeMap(field)
    let path = try map.require("path").text()
    let revision = try map.takeGiven("revision")?.text()
    try map.finish()
    return path + (revision.map { "@\($0)" } ?? "")
  }

  private mutating func resolve(_ text: String, _ field: RecipeField) -> String {
    if let place = place(of: text, field) { return place }
    // What lies here has no revisions.
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2, let place = place(of: String(parts[0]), field) { return place }
    return HubCache.isName(text) ? text : RecipePath.resolve(text, in: directory)
  }

  /// The path at which something lies.
  private mutating func place(of path: String, _ field: RecipeField) -> String? {
    func exists(_ path: String) -> Bool { ((try? FileStatus.of(path)) ?? nil) != nil }
    let own = RecipePath.resolve(path, in: directory)
    guard own != path, !startsAtRecipe else { return exists(own) ? own : nil }
    switch (exists(path), exists(own)) {
    case (true, true):
      if (try? Directory.resolve(path)) != (try? Directory.resolve(own)) {
        say(
          "\(path.printable) lies in the working directory and beside the recipe; the one in the "
            + "working directory is taken", path, field)
      }
      return path
    case (true, false): return path
    case (false, true):
      say(
        "\(path.printable) is not in the working directory; the one beside the recipe is taken: "
          + own.printable, path, field)
      return own
    case (false, false): return nil
    }
  }

  private mutating func say(_ message: String, _ path: String, _ field: RecipeField) {
    guard said.insert(path).inserted else { return }
    warnings.append(
      Warning(.modelPlace, subject: Subject(file: field.place.description), message: message))
  }
}
