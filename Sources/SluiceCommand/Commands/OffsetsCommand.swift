internal import SluiceArchitecture
internal import ArgumentParser
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePipeline
internal import SluiceRecipe
internal import SluiceStages

struct OffsetsCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "offsets",
    abstract: "Show how far fine-tuned models moved away from their base, and which pruning suits.",
    discussion: """
      Example:
        sluice offsets --base llama --model llama-math --model law=llama-law

      Deciles of the offsets (deltas of linear layers) and the significance of every layer. A delta store \
      that sluice prune made answers without a look at the model, but for the signs.
      """)

  @Option(help: "The base model: a directory, or a .safetensors or PyTorch .bin file.")
  var base: String

  @Option(
    name: .customLong("model"),
    help: ArgumentHelp(
      "A fine-tuned model, or its store; repeat for each.", valueName: "[name=]path"))
  var models: [PossiblyNamedPath] = []

  @Option(help: "How many times the mean an offset must exceed to be significant.")
  var significanceMultiple = 5.0

  @Option(
    help: ArgumentHelp("Further tensors to look at; * stands for anything.", valueName: "pattern"))
  var linearInclude: [String] = []

  @Option(
    help: ArgumentHelp("Tensors to leave aside; * stands for anything.", valueName: "pattern"))
  var linearExclude: [String] = []

  @OptionGroup(title: "How it is run (never changes the result)") var controls: LaneControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    guard !models.isEmpty else {
      throw UsageError("no fine-tuned model is given", remedy: "Add --model DIRECTORY.")
    }
    OpenFileLimit.raise()
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    let options = try controls.options()
    var results: [ModelOffsets] = []
    // All models are opened before the first is read: what is wrong is said at once.
    let surveys = try models.map { model in
      var request = OffsetSurvey.Request(base: base, name: model.name, model: model.path)
      request.significanceMultiple = significanceMultiple
      request.linearSet.include = linearInclude
      request.linearSet.exclude = linearExclude
      return try OffsetSurvey(request, options: options)
    }
    for survey in surveys {
      WarningDisplay.show(survey.warnings, options: output)
      let progress = ProgressMeter()
      let display = try ProgressDisplay(progress, options: output)
      defer { display.stop() }
      let result = try survey.run(progress: progress, cancellation: cancellation)
      display.stop()
      if output.isJSON { StandardOutput.write(OffsetDisplay.json(result)) }
      results.append(result)
    }
    if !output.isJSON { StandardOutput.write(OffsetDisplay.text(results)) }
  }
}

/// A path that may have a name before it: `math=models/math`, or `models/math`, whose name is `math`.
struct PossiblyNamedPath: ExpressibleByArgument {
  let name: String
  let path: String

  init?(argument: String) {
    let named = NamedValue(argument: argument)
    // A path may have an equals sign in it, and names have no slash.
    if let named, !named.name.contains("/") {
      (name, path) = (named.name, named.value)
    } else {
      path = argument
      let last = argument.split(separator: "/").last.map(String.init) ?? argument
      name = last == "base" || last.allSatisfy({ $0 == "." }) ? "model" : last
    }
    guard !path.isEmpty, !name.isEmpty else { return nil }
  }
}
