internal import SluiceArchitecture
internal import ArgumentParser
internal import SluiceCore
internal import SluiceAdapters
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceMethods
internal import SluiceRun
internal import SluiceRecipe

struct PruneCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Keep of a fine-tuned model what merges need, in a sparse delta store.",
    discussion: """
      Example:
        sluice prune --base llama --model llama-math --out math-deltas
        sluice merge --base llama --model math=math-deltas --model law=llama-law --out merged

      With --compensate own the store holds deltas that are pruned and compensated; merges from it say \
      --prune none.

      A merge from stores has the same bytes as one from models, or says before it starts why it \
      cannot. A run that was stopped goes on when the same command is given again.
      """)

  @Option(
    help: "The base model: a directory, or a .safetensors or PyTorch .bin file.",
    completion: .file())
  var base: String

  @Option(
    help: "The fine-tuned model, likewise; the base, if only adapters are given.",
    completion: .file())
  var model: String?

  @Option(
    name: .customLong("adapter"),
    help: ArgumentHelp("A LoRA adapter to add; repeat for each.", valueName: "path"),
    completion: .file())
  var adapters: [String] = []

  @Option(
    name: [.customShort("o"), .customLong("out")], help: "The directory of the store.",
    completion: .directory)
  var out: String

  @Option(help: "How frames are compressed.")
  var codec: FrameCodec = .rice

  @Flag(help: "Leave out tensors that the base does not have.")
  var ignoreExtraTensors = false

  @OptionGroup(title: "LoRA adapters") var arithmetic: ListedOptions<AdapterParameters>
  @OptionGroup(title: "What merges will ask for") var parameters: ListedOptions<StoreParameters>
  @OptionGroup(title: "What is done to deltas before they are stored")
  var chain: ListedOptions<StoredChainParameters>
  @OptionGroup(title: "How it is run (never changes the result)") var controls: ReadControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    var method = MethodParameters()
    _ = try parameters.apply(to: &method)
    _ = try arithmetic.apply(to: &method)
    let made = try madeDeltas(&method)
    guard model != nil || !adapters.isEmpty else {
      throw UsageError("no fine-tuned model is given", remedy: "Add --model DIRECTORY.")
    }
    let adapted = AdaptedPath(model ?? base).model(named: "model")
    OpenFileLimit.raise()
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    var request = PruneRun.Request(
      base: base, model: adapted.path, pruningRate: method.pruningRate)
    request.adapters = adapted.adapters + adapters.map { MergeRecipe.Adapter(path: $0) }
    request.adapterRounding = method.loraRounding
    request.expertPacking = method.loraExperts
    request.maxRateDeviation = method.maxRateDeviation
    request.method = made
    request.codec = codec
    request.linearSet.include = method.linearInclude
    request.linearSet.exclude = method.linearExclude
    request.extraTensors = ignoreExtraTensors ? .ignore : .error
    let progress = ProgressMeter()
    let run = try PruneRun(
      request, options: try controls.options(), output: out, progress: progress,
      cancellation: cancellation)
    WarningDisplay.show(run.warnings, options: output)
    let display = try ProgressDisplay(progress, options: output)
    defer { display.stop() }
    let outcome = try run.run()
    display.stop()
    show(outcome)
  }

  /// What is done to the deltas before they are stored; nil if nothing is.
  private func madeDeltas(_ method: inout MethodParameters) throws -> MethodParameters? {
    let given = try chain.apply(to: &method)
    let compensation = ParameterRow.at(\.compensation)
    guard method[compensation] != compensation.defaultValue else {
      guard let first = given.first(where: { $0.name != compensation.name }) else { return nil }
      throw UsageError(
        "\(first.flag) decides about deltas that are stored compensated",
        remedy: "Add --compensate own, or leave it to the merges.")
    }
    method.merging = .sum
    for row in given { try MergeCommand.checkUse(of: row, as: row.flag, method) }
    return method
  }

  private func show(_ outcome: PruneRun.Outcome) {
    switch outcome {
    case .wasFinished:
      StandardOutput.write(
        output.isJSON
          ? JSONLine.text { json in
            json.member("event", .string("finished"))
            json.member("output", .string(out))
          } : "\(out) holds this very store already; nothing was done\n")
    case .made(let summary):
      let share = Double(summary.storeByteCount) / Double(max(summary.modelByteCount, 1))
      StandardOutput.write(
        output.isJSON
          ? JSONLine.text { json in
            json.member("event", .string("stored"))
            json.member("output", .string(out))
            json.member("tensors", .integer(summary.tensorCount))
            json.member("modelBytes", .integer(summary.modelByteCount))
            json.member("storeBytes", .integer(summary.storeByteCount))
          }
          : "\(summary.tensorCount) tensors of \(ByteCount(summary.modelByteCount)) stored in "
            + "\(out) (\(ByteCount(summary.storeByteCount)), \(NumberFormat.percent(share)))\n")
    }
  }
}

/// The parameters of merges that decide about what a store must keep.
enum StoreParameters: ParameterList {
  static let rows: [ParameterRow] = [
    .at(\.pruningRate), .at(\.maxRateDeviation), .at(\.linearInclude), .at(\.linearExclude),
  ]
  static let meanings = [
    ParameterRow.at(\.pruningRate).name:
      "The lowest pruning rate that merges will ask for; 0 keeps everything. With --compensate own the rate at "
      + "which deltas are pruned.",
    ParameterRow.at(\.maxRateDeviation).name: "How far the rate of a layer may lie below it.",
  ]
}

/// The parameters of what is done to deltas before they are stored.
enum StoredChainParameters: ParameterList {
  static let rows: [ParameterRow] = [
    .at(\.compensation), .at(\.pruning), .at(\.rates), .at(\.maskUnit), .at(\.tieBreak),
    .at(\.sketchRank), .at(\.ridge), .at(\.seed),
  ]
  static let meanings = [
    ParameterRow.at(\.compensation).name:
      "Store what the mask keeps of each row changed so that it makes up for what it removes, at the pruning rate.",
    ParameterRow.at(\.pruning).name: "The mask: dppa, dp, magnitude or owl.",
  ]
}
