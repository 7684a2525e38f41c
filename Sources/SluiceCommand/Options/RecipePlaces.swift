internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceRecipe

extension WrittenPaths.Form: ExpressibleByArgument {}

/// How the recipe that goes into the output is written.
struct RecipePathOptions: ParsableArguments {
  @Option(
    help:
      "Where the paths in the recipe start that is written beside the result: at its directory (relative; what lies elsewhere is only named), or at the root."
  )
  var recipePaths: WrittenPaths.Form = .relative
}

/// Where the models of a recipe lie here, if not where it says.
struct RecipePlaces: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where the base model lies, instead of where the recipe says.", valueName: "path"),
    completion: .file())
  var base: String?

  @Option(
    name: .customLong("model"),
    help: ArgumentHelp(
      "Where a model of the recipe lies, instead of where it says; repeat for each.",
      valueName: "name=path"),
    completion: .file())
  var models: [NamedValue] = []

  /// Fills the places in, and checks that something is at all of them.
  func apply(to recipe: MergeRecipe) throws -> MergeRecipe {
    var recipe = recipe
    if let base {
      // What an adapter stands on is the base.
      for index in recipe.models.indices where recipe.models[index].path == recipe.base {
        recipe.models[index].path = base
      }
      recipe.moveLayers(from: recipe.base, to: base)
      recipe.base = base
    }
    for option in models {
      guard let index = recipe.models.firstIndex(where: { $0.name == option.name }) else {
        let known = recipe.models.map(\.name.printable).joined(separator: ", ")
        throw UsageError(
          "--model \(option.name.printable): the recipe has no model of this name",
          remedy: "It has: \(known).")
      }
      recipe.moveLayers(from: recipe.models[index].path, to: option.value)
      recipe.models[index].path = option.value
    }
    try check("base", recipe.base, option: "--base PATH")
    for model in recipe.models {
      try check(model.name, model.path, option: "--model \(model.name.printable)=PATH")
    }
    return recipe
  }

  private func check(_ name: String, _ path: String, option: String) throws {
    guard !HubCache.isName(path), (try? FileStatus.of(path)) == .some(nil) else { return }
    throw UsageError.badInput(
      "no such file or directory", model: name, file: path,
      remedy: "Mend the path in the recipe, or say where the model lies: \(option).")
  }
}
