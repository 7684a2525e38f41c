internal import ArgumentParser
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePipeline
internal import SluiceRecipe

struct MergeCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge fine-tuned models into their base.",
    discussion: """
      Example:
        sluice merge --base llama --model math=llama-math --model law=llama-law --out merged

      A run that was stopped, by whatever, goes on when the same command is given again.
      """)

  @OptionGroup var recipe: RecipeOptions

  @Option(help: "The directory of the merged model.")
  var out: String

  @Flag(name: .customLong("dry-run"), help: "Show the plan and write nothing.")
  var isDryRun = false

  @OptionGroup(title: "How it is run (never changes the result)") var controls: RunControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let merge = Merge(
      recipe: try recipe.recipe(), options: try controls.options(), out: out, output: output)
    if isDryRun { try merge.explain() } else { try merge.run() }
  }
}

/// A merge that is ready to be run or explained, wherever its recipe came from.
struct Merge {
  let recipe: MergeRecipe
  let options: RunOptions
  let out: String
  let output: OutputOptions

  init(recipe: MergeRecipe, options: RunOptions, out: String, output: OutputOptions) {
    self.recipe = recipe
    self.out = out
    self.output = output
    var options = options
    options.output = out
    self.options = options
  }

  /// Merges and shows what was done.
  func run() throws {
    OpenFileLimit.raise()
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    let plan = try MergePlan(recipe, options: options)
    WarningDisplay.show(plan.warnings, options: output)
    let progress = ProgressMeter()
    let display = try ProgressDisplay(progress, options: output)
    defer { display.stop() }
    let outcome = try MergeRun(
      plan, output: out, progress: progress, cancellation: cancellation
    ).run()
    display.stop()
    guard case .merged(let report) = outcome else {
      StandardOutput.write(
        output.isJSON
          ? MergeSummary.jsonForFinished(output: out)
          : "\(out) holds this very merge already; nothing was done\n")
      return
    }
    WarningDisplay.show(
      Array(report.warnings.dropFirst(plan.warnings.count)), options: output)
    if output.isVerbose { StandardError.write(MergeSummary.passes(report)) }
    StandardOutput.write(
      output.isJSON
        ? MergeSummary.json(report, output: out) : MergeSummary.text(report, output: out))
  }

  /// Shows what would be done, and writes nothing.
  func explain(as format: PlanFormat? = nil) throws {
    OpenFileLimit.raise()
    let plan = try MergePlan(recipe, options: options)
    WarningDisplay.show(plan.warnings, options: output)
    let explanation = PlanExplanation(plan, output: out)
    StandardOutput.write(
      PlanDisplay.show(explanation, as: format ?? (output.isJSON ? .json : .text)))
  }
}
