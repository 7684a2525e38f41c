internal import ArgumentParser
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe

struct MergeCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Merge fine-tuned models into their base.",
    discussion: """
      Examples:
        sluice merge --base llama --model llama-math --model llama-law -o merged
        sluice merge --base llama --model math=llama-math --model law=llama-law \\
          --prune dare --pruning-rate 0.9 --weight law=0.5 -o merged
        sluice merge --base llama --model llama-math -o merged --dry-run

      A stopped run resumes if you run the same command again.
      """)

  @OptionGroup(title: "What is merged") var inputs: InputOptions
  @OptionGroup(title: "Which changes are pruned, and what becomes of the rest")
  var pruning: ListedOptions<PruningParameters>
  @OptionGroup(title: "How much of each layer is pruned")
  var rates: ListedOptions<RateParameters>
  @OptionGroup(title: "How the models become one") var merging: ListedOptions<MergingParameters>
  @OptionGroup(title: "Files that some methods read (see sluice methods)")
  var methodFiles: ListedOptions<MethodFileOptions>
  @OptionGroup(title: "What is read and written") var files: ListedOptions<FileParameters>

  @Option(
    name: [.customShort("o"), .customLong("out")], help: "The directory of the merged model.",
    completion: .directory)
  var out: String

  @Flag(name: .customLong("dry-run"), help: "Show the plan and write nothing.")
  var isDryRun = false

  @OptionGroup(title: "How it is run (never changes the result)") var controls: RunControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let merge = Merge(
      recipe: try recipe(), options: try controls.options(), out: out, output: output)
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
    progress.expect(
      plan.tensors.passes.map {
        ($0.name, $0.bytesRead(plan.tensors) + $0.bytesWritten(plan.tensors))
      })
    announceResumed()
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
    // The process ends here: to take apart what it knows of ten thousands of tensors would only take time.
    // SAFETY: nobody takes it back.
    _ = unsafe Unmanaged.passRetained(Known(plan: plan, report: report))
  }

  /// What is known of a merge that is done.
  private final class Known {
    let plan: MergePlan
    let report: MergeReport

    init(plan: MergePlan, report: MergeReport) { (self.plan, self.report) = (plan, report) }
  }

  /// Says what an earlier attempt finished, if there was one.
  private func announceResumed() {
    guard !output.isQuiet, !output.isJSON, !options.startsOver,
      let status = try? RunStatus(of: out), status.state == .stopped
    else { return }
    let done = status.phases.filter { $0.units > 0 }.map { phase -> String in
      guard phase.units != phase.totalUnits else { return "\(phase.name) done" }
      let total = phase.totalUnits.map { NumberFormat.grouped($0) } ?? "?"
      return "\(NumberFormat.grouped(phase.units)) of \(total) pieces of \(phase.name)"
    }
    StandardError.writeLine(
      "resuming", .label, done.isEmpty ? "nothing was finished yet" : done.joined(separator: ", "))
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
