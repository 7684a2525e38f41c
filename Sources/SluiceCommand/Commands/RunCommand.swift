internal import ArgumentParser
internal import SluiceCore
internal import SluicePipeline
internal import SluiceRecipe

struct RunCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Merge as a recipe says.",
    discussion: """
      A recipe names a method and its parameters, or the stages of a chain; relative paths in it \
      start from its own directory. docs/reference/recipes.md has every key.

      Example:
        sluice run pipelines/dppa.yaml --out merged
      """)

  @Argument(help: "The recipe: YAML or JSON.")
  var recipe: String

  @Option(help: "The directory of the merged model; the recipe's if not given.")
  var out: String?

  @Flag(name: .customLong("dry-run"), help: "Show the plan and write nothing.")
  var isDryRun = false

  @OptionGroup(title: "How it is run (never changes the result)") var controls: RunControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let file = try RecipeFile.load(recipe, options: RunControls.standard)
    guard let target = out ?? file.output ?? (isDryRun ? "merged" : nil) else {
      throw ValidationError("Say where to write: --out DIRECTORY, or out in the recipe.")
    }
    let merge = Merge(
      recipe: file.recipe, options: try controls.applied(to: file.runOptions), out: target,
      output: output)
    if isDryRun { try merge.explain() } else { try merge.run() }
  }
}
