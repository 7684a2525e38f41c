internal import SluiceArchitecture
internal import ArgumentParser
internal import SluiceCore
internal import SluiceAdapters
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRun
internal import SluiceRecipe
internal import SluiceStages

struct OffsetsCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "offsets",
    abstract: "Show how far fine-tuned models moved away from their base, and which pruning suits.",
    discussion: """
      Example:
        sluice offsets --base llama --model llama-math --model law=llama-law

      Deciles of the offsets (deltas of linear layers) and the significance of every layer; with \
      --directions along how few directions of inputs they lie, and what models share. A delta store \
      that sluice prune made answers without a look at the model, but for the signs.
      """)

  @Option(
    help: "The base model: a directory, or a .safetensors or PyTorch .bin file.",
    completion: .file())
  var base: String

  @Option(
    name: .customLong("model"),
    help: ArgumentHelp(
      "A fine-tuned model, or its store; repeat for each.", valueName: "[name=]path"),
    completion: .file())
  var models: [PossiblyNamedPath] = []

  @Option(
    name: .customLong("adapter"),
    help: ArgumentHelp("A LoRA adapter of the base; repeat for each.", valueName: "[name=]path"),
    completion: .file())
  var adapters: [PossiblyNamedPath] = []

  @Flag(
    help: """
      Look at the directions of offsets, too, in two more passes over the models: effective ranks, \
      what few directions hold, and what models have in common.
      """)
  var directions = false

  @OptionGroup(title: "LoRA adapters") var packing: ListedOptions<AdapterPackingParameters>
  @OptionGroup(title: "What is looked at") var parameters: ListedOptions<OffsetParameters>
  @OptionGroup(title: "How it is run (never changes the result)") var controls: LaneControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    guard !models.isEmpty || !adapters.isEmpty else {
      throw UsageError("no fine-tuned model is given", remedy: "Add --model DIRECTORY.")
    }
    OpenFileLimit.raise()
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    let options = try controls.options()
    var method = MethodParameters()
    _ = try parameters.apply(to: &method)
    _ = try packing.apply(to: &method)
    var results: [ModelOffsets] = []
    // All models are opened before the first is read: what is wrong is said at once.
    let asked =
      models.map { AdaptedPath($0.path).model(named: $0.name) }
      + adapters.map { adapter in
        var model = MergeRecipe.Model(name: adapter.name, path: base)
        model.adapters = [MergeRecipe.Adapter(path: adapter.path)]
        return model
      }
    let requests = asked.map { model in
      var request = OffsetSurvey.Request(base: base, name: model.name, model: model.path)
      request.adapters = model.adapters
      request.expertPacking = method.loraExperts
      request.significanceMultiple = method.significanceMultiple
      request.linearSet.include = method.linearInclude
      request.linearSet.exclude = method.linearExclude
      return request
    }
    let surveys = try requests.map { try OffsetSurvey($0, options: options) }
    let family = directions ? try DirectionSurvey(requests, options: options) : nil
    for survey in surveys {
      WarningDisplay.show(survey.warnings, options: output)
      let result = try withProgress {
        try survey.run(progress: $0, cancellation: cancellation)
      }
      if output.isJSON { StandardOutput.write(OffsetDisplay.json(result)) }
      results.append(result)
    }
    let found = try family.map { survey in
      try withProgress { try survey.run(progress: $0, cancellation: cancellation) }
    }
    if output.isJSON {
      if let found { StandardOutput.write(DirectionDisplay.json(found)) }
    } else {
      let text = found.map { DirectionDisplay.text($0) + "\n" } ?? ""
      StandardOutput.write(text + OffsetDisplay.text(results))
    }
  }

  /// Does something while its progress is shown.
  private func withProgress<Result>(_ body: (ProgressMeter) throws -> Result) throws -> Result {
    let progress = ProgressMeter()
    let display = try ProgressDisplay(progress, options: output)
    defer { display.stop() }
    return try body(progress)
  }
}

/// The parameters of merges that decide about what is looked at.
enum OffsetParameters: ParameterList {
  static let rows: [ParameterRow] = [
    .at(\.significanceMultiple), .at(\.linearInclude), .at(\.linearExclude),
  ]
  static let meanings = [
    ParameterRow.at(\.significanceMultiple).name:
      "How many times the layer's mean an offset must exceed to be significant.",
    ParameterRow.at(\.linearInclude).name: "Further tensors to look at; * stands for anything.",
    ParameterRow.at(\.linearExclude).name: "Tensors to leave aside; * stands for anything.",
  ]
}
