internal import ArgumentParser
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceEvaluate
internal import SluiceFormats
internal import SluiceRecipe

struct EvaluateCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score models on tasks, in the memory you allow.",
    discussion: """
      Example:
        sluice evaluate llama-math --tasks gsm8k.jsonl arc.jsonl
        sluice evaluate dppa.yaml --tasks gsm8k.jsonl

      Each line of a task file holds a prompt with an answer, or with choices and the index of the right \
      one, as token ids. All examples go through the model together, layer by layer, so that each weight \
      is read once; what does not fit in memory lies in a scratch file. A recipe's model is merged layer by \
      layer while it is computed, and never written.
      """)

  @Argument(
    help:
      "Models: directories, .safetensors or PyTorch .bin files, or recipes (.yaml, .yml, .json).",
    completion: .file())
  var models: [String]

  @Option(
    parsing: .upToNextOption,
    help: ArgumentHelp(
      "Files of examples, or directories whose .jsonl files are taken.", valueName: "path"),
    completion: .file())
  var tasks: [String] = []

  @Option(
    help: ArgumentHelp(
      "Write what became of each example to this file, a JSON object a line.", valueName: "file"),
    completion: .file())
  var examples: String?

  @Option(
    help: ArgumentHelp(
      "Keep finished layers in this directory, and go on from those that are there.",
      valueName: "dir"), completion: .directory)
  var state: String?

  @Flag(name: .customLong("dry-run"), help: "Show what it would take and compute nothing.")
  var isDryRun = false

  @OptionGroup(title: "How it is run (never changes the result)") var controls: EvaluateControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    guard !tasks.isEmpty else {
      throw UsageError("no task is given", remedy: "Add --tasks FILE.")
    }
    OpenFileLimit.raise()
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    let plan = try EvaluationPlan(
      models.map { try open($0) }, TaskFile.read(tasks), threads: try controls.threadCount(),
      memory: evaluationMemory, scratch: controls.scratchPath)
    WarningDisplay.show(plan.warnings, options: output)
    guard !isDryRun else {
      StandardOutput.write(
        try output.isJSON ? EvaluationDisplay.json(plan) : EvaluationDisplay.text(plan))
      return
    }
    let progress = ProgressMeter()
    let display = try ProgressDisplay(progress, options: output)
    defer { display.stop() }
    let result = try EvaluationRun(
      plan, keepingIn: state, progress: progress, cancellation: cancellation
    ).run()
    display.stop()
    if let examples {
      try AtomicFile.write(EvaluationDisplay.examples(result), to: examples)
    }
    StandardOutput.write(
      output.isJSON
        ? EvaluationDisplay.json(result, librarySpeed: plan.librarySpeed())
        : EvaluationDisplay.text(
          result, librarySpeed: output.isVerbose ? plan.librarySpeed() : nil))
  }
}

extension EvaluateCommand {
  /// What merges may take of the budget while models are computed.
  private var mergeMemory: ByteCount {
    ByteCount(controls.budget.bytes / 4)
  }

  private func isRecipe(_ path: String) -> Bool {
    [".yaml", ".yml", ".json"].contains(where: path.hasSuffix)
  }

  /// What is left to the evaluation: merges of several recipes are never at work at once.
  private var evaluationMemory: ByteCount {
    models.contains(where: isRecipe)
      ? ByteCount(controls.budget.bytes - mergeMemory.bytes) : controls.budget
  }

  private func open(_ path: String) throws -> EvaluatedModel {
    guard isRecipe(path) else { return try EvaluatedModel.open(path) }
    let file = try RecipeInput.load(path)
    guard file.recipe.programs.isEmpty else {
      throw UsageError(
        "the recipe \(path.printable) runs programs, which an evaluation does not do",
        remedy: "Merge it with sluice run, and evaluate the model.")
    }
    var options = file.runOptions
    options.threads = try controls.threadCount()
    options.memory = mergeMemory
    return try EvaluatedModel.merging(
      file.recipe, path: path, options: options,
      scratch: controls.scratchPath)
  }
}

/// The options that say how models are evaluated.
struct EvaluateControls: ParsableArguments {
  @Option(help: "The memory for weights, activations and tables; 512MiB if not given.")
  var memory: ByteCount?

  @Option(
    name: [.customShort("j"), .customLong("threads")],
    help: "How many lanes compute; the number of processors if not given.")
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Where activations lie that do not fit in memory; $TMPDIR or /tmp if not given.",
      valueName: "dir"), completion: .directory)
  var scratch: String?

  /// The memory that may be used.
  var budget: ByteCount { memory ?? .mebibytes(512) }
  /// Where activations lie that do not fit in it.
  var scratchPath: String { scratch ?? Directory.temporary }

  /// How many lanes may compute.
  func threadCount() throws -> Int {
    if let threads, !(1...1024).contains(threads) {
      throw UsageError("the number of threads must lie in 1 ... 1024; it is \(threads)")
    }
    return threads ?? LaneControls.standard.threads
  }
}
