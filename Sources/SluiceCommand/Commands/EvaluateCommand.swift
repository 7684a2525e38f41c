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
        sluice evaluate llama math.store law.store --base llama --tasks gsm8k.jsonl

      Each line of a task file holds a prompt with an answer, or with choices and the index of the right \
      one, as token ids. All examples go through the model together, layer by layer, so that each weight \
      is read once; what does not fit in memory lies in a scratch file. A recipe's model is merged layer by \
      layer while it is computed, and never written; what several recipes, or stores of one base, read is \
      read once.
      """)

  @Argument(
    help:
      "Models: directories, .safetensors or PyTorch .bin files, recipes (.yaml, .yml, .json), or delta stores of --base.",
    completion: .file())
  var models: [String]

  @Option(
    help: ArgumentHelp(
      "The base of those models that are delta stores; where it is scored itself, it is read with them.",
      valueName: "model"), completion: .file())
  var base: String?

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
    let budget = try budget()
    let plan = try EvaluationPlan(
      models.map { try open($0, budget.merging) }, TaskFile.read(tasks),
      threads: try controls.threadCount(), budget: budget,
      scratch: controls.scratchPath)
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
  private static func isRecipe(_ path: String) -> Bool {
    [".yaml", ".yml", ".json"].contains(where: path.hasSuffix)
  }

  /// Whether a model is merged while it is computed.
  private func isMerged(_ path: String) throws -> Bool {
    if EvaluateCommand.isRecipe(path) { return true }
    guard let base else { return false }
    return try path == base || EvaluatedModel.isStore(path)
  }

  private func budget() throws -> EvaluationBudget {
    if let base, EvaluateCommand.isRecipe(base) {
      throw UsageError("--base is a recipe", remedy: "Give the model that stores are changes of.")
    }
    return EvaluationBudget(
      controls.budget, recipeCount: try models.filter { try isMerged($0) }.count)
  }

  /// Opens a model; one that is a recipe is planned.
  private func open(_ path: String, _ memory: ByteCount) throws -> EvaluatedModel {
    guard try isMerged(path) else { return try EvaluatedModel.open(path) }
    var (recipe, options) = (
      MergeRecipe(adding: path, to: base ?? path), LaneControls.standard
    )
    if EvaluateCommand.isRecipe(path) {
      let file = try RecipeInput.load(path)
      guard file.recipe.programs.isEmpty else {
        throw UsageError(
          "the recipe \(path.printable) runs programs, which an evaluation does not do",
          remedy: "Merge it with sluice run, and evaluate the model.")
      }
      (recipe, options) = (file.recipe, file.runOptions)
    }
    options.threads = try controls.threadCount()
    options.memory = memory
    return try EvaluatedModel.merging(
      recipe, path: path, options: options, scratch: controls.scratchPath)
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
