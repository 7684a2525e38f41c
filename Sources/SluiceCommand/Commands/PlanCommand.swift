internal import ArgumentParser
internal import SluiceCore
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceRun

struct PlanCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show what a recipe would do, or what a run did, and write nothing.",
    discussion: """
      The stages after expansion, the passes over the data and why they are needed, what is read and \
      written, the memory with its parts, the disk space, and an estimate of the time. The flags of \
      merge have the same with --dry-run.

      Examples:
        sluice plan pipelines/dppa.yaml
        sluice plan pipelines/dppa.yaml --format mermaid
        sluice plan --actual merged
      """)

  @Argument(
    help: "The recipe: YAML or JSON; - reads it from standard input.",
    completion: .file(extensions: ["yaml", "yml", "json"]))
  var recipe: String?

  @Option(
    name: [.customShort("o"), .customLong("out")],
    help: "Where the merged model would be written; the recipe's if not given.",
    completion: .directory)
  var out: String?

  @Option(
    help: ArgumentHelp("Show what the run did that made this output.", valueName: "dir"),
    completion: .directory)
  var actual: String?

  @Option(help: "How to show it.")
  var format: PlanFormat?

  @OptionGroup(title: "Where models lie") var places: RecipePlaces
  @OptionGroup(title: "How it is run (never changes the result)") var controls: RunControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    if let actual {
      guard recipe == nil else {
        throw UsageError("a recipe and --actual are given: one of them says what is shown")
      }
      let explanation = try PlanExplanation.read(fromReportOf: actual)
      StandardOutput.write(
        PlanDisplay.show(explanation, as: format ?? (output.isJSON ? .json : .text)))
      return
    }
    guard let recipe else {
      throw UsageError(
        "no recipe is given", remedy: "Give a recipe, or --actual with the output of a run.")
    }
    let file = try RecipeInput.load(recipe)
    try Merge(
      recipe: try places.apply(to: file.recipe), options: try controls.applied(to: file.runOptions),
      out: out ?? file.output ?? "merged", output: output
    ).explain(as: format)
  }
}
