internal import ArgumentParser
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceEvaluate
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceRun
internal import SluiceSearch

struct SearchCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "search",
    abstract: "Find the amplification factors of a recipe's models by trying them.",
    discussion: """
      For each model, the dense model and then candidates with factors are evaluated by a command of \
      yours, which gets the directory of a checkpoint in the place of {model}, and prints a JSON \
      object such as {"tasks": {"gsm8k": 0.57, "math": 0.12}} as its last, higher is better. {name}, \
      {factors} and {job} stand for the model's name, its factors, and the number of the job. Words are \
      parted as a shell does, but there is no shell. Without a command, sluice evaluates candidates itself \
      on task files.

      Every evaluation is recorded in OUT/search.journal as soon as it is finished. A search that was \
      stopped, by whatever, goes on when the same command is given again; others with the same models \
      and evaluator start from what was evaluated. OUT/search.json is the result, OUT/recipe.yaml the \
      recipe with the factors filled in.

      Examples:
        sluice search dppa.yaml --evaluator 'python3 score.py {model}' --out found
        sluice search dppa.yaml --task-files gsm8k.jsonl --out found
        sluice run found/recipe.yaml --out merged
      """)

  @Argument(help: "The recipe: YAML or JSON. Factors in it are those of models not searched.")
  var recipe: String

  @Option(help: ArgumentHelp("The command that evaluates a checkpoint.", valueName: "command"))
  var evaluator: String?

  @Option(
    name: .customLong("task-files"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "In the place of a command: files of examples that sluice evaluate reads.", valueName: "path"),
    completion: .file())
  var taskFiles: [String] = []

  @Option(
    name: [.customShort("o"), .customLong("out")], help: "The directory of the result.",
    completion: .directory)
  var out: String

  @OptionGroup(title: "How factors are searched") var search: SearchControls
  @OptionGroup(title: "How candidates are made (never changes the result)")
  var controls: LaneControls
  @OptionGroup(title: "What is written") var paths: RecipePathOptions
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    OpenFileLimit.raise()
    let marked = try recipe == "-" ? nil : MarkedRecipe.load(recipe, options: LaneControls.standard)
    let file: RecipeFile
    let isMarked: Bool
    if let marked, !marked.marks.isEmpty {
      (file, isMarked) = (try marked.file(marked.marks.map { $0.first }), true)
    } else {
      (file, isMarked) = (try RecipeInput.load(recipe), false)
    }
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    let display = SearchDisplay(options: output)
    var (options, making) = (try search.options(), try controls.applied(to: file.runOptions))
    options.recipePaths = paths.recipePaths
    making.recipePaths = paths.recipePaths
    let evaluator = try theEvaluator(making)
    try display.start()
    defer { display.stop() }
    let result: SearchResult
    if isMarked, let marked {
      result = try MarkedSearch(
        marked, evaluator: evaluator, options: options, making: making, output: out,
        cancellation: cancellation, onEvent: { display.show($0) }
      ).execute()
    } else {
      result = try SearchRun(
        file.recipe, evaluator: evaluator, options: options,
        maker: StoredCandidates(
          file.recipe, options: making, storesIn: StoredCandidates.directory(in: out)),
        output: out, cancellation: cancellation, onEvent: { display.show($0) }
      ).execute()
    }
    display.stop()
    StandardOutput.write(
      output.isJSON ? SearchSummary.json(result, out: out) : SearchSummary.text(result, out: out))
  }

  /// The command, or the program itself on task files.
  private func theEvaluator(_ making: RunOptions) throws -> Evaluator {
    switch (evaluator, taskFiles.isEmpty) {
    case (let command?, true): return try search.evaluator(command)
    case (nil, false):
      return Evaluator(
        TaskEvaluator(
          try TaskFile.read(taskFiles), threads: making.threads, memory: making.memory,
          scratch: Directory.temporary))
    default:
      throw UsageError(
        evaluator == nil
          ? "nothing is given that evaluates candidates" : "--evaluator and --task-files are given",
        remedy: "Give one of --evaluator COMMAND and --task-files FILE.")
    }
  }
}
