internal import ArgumentParser
internal import SluiceCore
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe

struct RunCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Merge as a recipe says.",
    discussion: """
      A recipe names a method and its parameters, or the stages of a chain; relative paths in it \
      start from its own directory, or from here if it is read from standard input (-). \
      docs/reference/recipes.md has every key.

      A recipe with a stage exec runs programs, as you. They are named before the first is run, and run \
      only if you allow it: with --allow-exec, or by an answer at the terminal. plan never runs them.

      Examples:
        sluice run pipelines/dppa.yaml merged
        sluice run - -o merged < recipe.yaml
      """)

  @Argument(
    help: "The recipe: YAML or JSON; - reads it from standard input.",
    completion: .file(extensions: ["yaml", "yml", "json"]))
  var recipe: String

  @Argument(help: "The directory of the merged model; --out says the same.", completion: .directory)
  var directory: String?

  @Option(
    name: [.customShort("o"), .customLong("out")],
    help: "The directory of the merged model; the recipe's if not given.", completion: .directory)
  var out: String?

  @Flag(name: .customLong("dry-run"), help: "Show the plan and write nothing.")
  var isDryRun = false

  @Flag(help: "Run the programs that the recipe names in stages exec, without asking.")
  var allowExec = false

  @OptionGroup(title: "Where models lie") var places: RecipePlaces
  @OptionGroup(title: "How it is run (never changes the result)") var controls: RunControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    guard directory == nil || out == nil else {
      throw UsageError("the output is given twice, as \(directory ?? "") and with --out")
    }
    let file = try RecipeInput.load(recipe)
    guard let target = directory ?? out ?? file.output ?? (isDryRun ? "merged" : nil) else {
      throw UsageError(
        "the recipe does not say where to write",
        remedy: "Name a directory after the recipe, or with --out, or as out in the recipe.")
    }
    if !isDryRun {
      try ProgramConsent.ask(for: file.recipe, isAllowed: allowExec, isQuiet: output.isQuiet)
    }
    let merge = Merge(
      recipe: try places.apply(to: file.recipe), options: try controls.applied(to: file.runOptions),
      out: target,
      output: output)
    if isDryRun { try merge.explain() } else { try merge.run() }
  }
}
