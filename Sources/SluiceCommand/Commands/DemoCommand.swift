internal import ArgumentParser
internal import Glibc
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe
internal import SluiceStages

struct DemoCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Make a small family of models, merge it, and show the result.",
    discussion: """
      With --out it also makes the files that some methods read beside the models (made-up figures), \
      so that every recipe in pipelines/ runs on it:
        sluice demo --out pipelines/models
      """)

  @Option(
    name: [.customShort("o"), .customLong("out")],
    help: "Where to make it and leave it; a temporary directory if not given.",
    completion: .directory)
  var out: String?

  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    let directory = try out ?? Self.temporaryDirectory()
    defer { if out == nil { try? Directory.remove(directory) } }
    let (base, math, law) = ("\(directory)/base", "\(directory)/math", "\(directory)/law")
    let merged = "\(directory)/merged"
    if let out, try FileStatus.of(out) != nil, try !Directory.list(out).isEmpty {
      throw UsageError("\(out) is not empty", remedy: "Choose another --out, or remove it first.")
    }
    let family = DemoFamily()
    try family.write(base: base, fineTuned: [math, law])
    if let out { try family.files.write(to: "\(out)/files", models: ["math", "law"]) }
    if !output.isJSON {
      StandardOutput.write(
        "made a base and two fine-tuned models of \(NumberFormat.grouped(family.elementCount)) "
          + "parameters in \(directory)\n\n$ sluice merge --base \(base) --model math=\(math) "
          + "--model law=\(law) \\\n    --amplify math=1.1,1.3 --memory 96MiB --out \(merged)\n\n")
    }
    guard let rate = PruningRate(0.8) else { return }
    var models = [
      MergeRecipe.Model(name: "math", path: math), MergeRecipe.Model(name: "law", path: law),
    ]
    models[0].amplification = [1.1, 1.3]
    let recipe = MergeRecipe(
      base: base, models: models, method: MethodParameters(pruningRate: rate))
    var options = RunOptions(threads: 2)
    options.memory = .mebibytes(96)
    let report = try MergeRun(try MergePlan(recipe, options: options), output: merged).execute()
    if output.isJSON {
      StandardOutput.write(MergeSummary.json(report, output: merged))
      return
    }
    WarningDisplay.show(report.warnings, options: output)
    StandardOutput.write(MergeSummary.text(report, output: merged))
    StandardOutput.write("\n" + layers(report))
    if let out {
      StandardOutput.write(
        "\nThe models are in \(out); \(out)/files has what some methods read beside them.\n")
    }
  }

  /// The layers of the first model: the more significant, the less is pruned.
  private func layers(_ report: MergeReport) -> String {
    guard let model = report.models.first else { return "" }
    var rows = [["linear layer of \(model.name)", "significance", "pruned", "kept"]]
    for layer in model.layers {
      let kept = Double(layer.cuts.kept) / Double(max(layer.statistics.elementCount, 1))
      rows.append([
        layer.statistics.name, NumberFormat.percent(layer.statistics.significance),
        NumberFormat.percent(1 - kept), String(repeating: "#", count: Int((kept * 100).rounded())),
      ])
    }
    return Format.table(rows, leftAligned: [0, 3])
  }

  private static func temporaryDirectory() throws -> String {
    let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    let path = "\(parent)/sluice-demo-\(getpid())"
    try Directory.create(path)
    return path
  }
}
