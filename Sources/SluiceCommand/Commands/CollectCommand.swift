internal import ArgumentParser
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceEvaluate
internal import SluiceFormats

struct CollectCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "collect",
    abstract: "Collect norms, Gram matrices and losses that methods read, in the memory you allow.",
    discussion: """
      Examples:
        sluice collect llama-math --texts math.jsonl --norms math-norms.safetensors
        sluice collect math=llama-math law=llama-law --texts few.jsonl --losses losses.json

      Norms are for wanda, Gram matrices for sparsegpt and regmean, losses for lm-cocktail. Texts are \
      lists of token ids, one a line.
      """)

  @Argument(
    help: ArgumentHelp(
      "A model; several where only losses are collected.", valueName: "[name=]path"),
    completion: .file())
  var models: [PossiblyNamedPath]

  @Option(
    help: ArgumentHelp("The file of texts, as token ids.", valueName: "file"), completion: .file())
  var texts: String

  @Option(help: "Of longer texts, so many tokens are taken from the beginning.")
  var length = 2048

  @Option(
    help: ArgumentHelp(
      "Write the root mean square of each input of each linear layer.", valueName: "file"),
    completion: .file())
  var norms: String?

  @Option(
    help: ArgumentHelp("Write the Gram matrix of each linear layer's inputs.", valueName: "file"),
    completion: .file())
  var grams: String?

  @Option(
    help: ArgumentHelp("Write the loss of each model by its name.", valueName: "file"),
    completion: .file())
  var losses: String?

  @OptionGroup(title: "How it is run (never changes the result)") var controls: EvaluateControls
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    guard norms != nil || grams != nil || losses != nil else {
      throw UsageError(
        "nothing is to be collected", remedy: "Add --norms, --grams or --losses, each with a file.")
    }
    guard models.count == 1 || (norms == nil && grams == nil) else {
      throw UsageError(
        "norms and Gram matrices are those of one model; \(models.count) are given",
        remedy: "Run it once for each.")
    }
    guard (2...TaskFile.tokenLimit).contains(length) else {
      throw UsageError("--length must lie in 2 ... \(TaskFile.tokenLimit); it is \(length)")
    }
    let names = models.map(\.name)
    if let name = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw UsageError("two models are called \(name.printable)", remedy: "Write NAME=PATH.")
    }
    OpenFileLimit.raise()
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    var request = CollectRun.Request(
      models: models.map { ($0.name, $0.path) }, texts: texts)
    (request.length, request.norms, request.grams, request.losses) = (length, norms, grams, losses)
    let progress = ProgressMeter()
    let display = try ProgressDisplay(progress, options: output)
    defer { display.stop() }
    let result = try CollectRun(
      request, threads: try controls.threadCount(), memory: controls.budget,
      scratch: controls.scratchPath, progress: progress,
      cancellation: cancellation
    ).run()
    display.stop()
    StandardOutput.write(output.isJSON ? json(result) : text(result))
  }

  private func text(_ result: CollectRun.Result) -> String {
    var text = ""
    for (name, loss) in result.losses {
      text += "\(name.printable): loss \(NumberFormat.fixed(loss, 4))\n"
    }
    let layers = result.layerCount > 0 ? "\(result.layerCount) linear layers, " : ""
    return text + "\(layers)\(result.tokenCount) tokens\n"
  }

  private func json(_ result: CollectRun.Result) -> String {
    JSONLine.text { json in
      json.member("event", .string("collected"))
      json.member("layers", result.layerCount)
      json.member("tokens", result.tokenCount)
      json.member("bytesRead", result.bytesRead)
      json.key("losses")
      json.beginObject()
      for (name, loss) in result.losses { json.member(named: name, .double(loss)) }
      json.endObject()
    }
  }
}
