internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceRun

struct PrepareCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "prepare",
    abstract: "Cut a merge into shares that processes on many machines do.",
    discussion: """
      Makes the files of the output in their full length, and writes beside them what work, reduce and \
      finish need. What hands the shares out is yours: xargs, GNU parallel, Slurm, Kubernetes.

      Example:
        sluice prepare pipelines/dppa.yaml --out merged --shares 64
        sluice jobs merged --for xargs | sh
      """)

  @Argument(
    help: "The recipe: YAML or JSON; - reads it from standard input.",
    completion: .file(extensions: ["yaml", "yml", "json"]))
  var recipe: String

  @Option(
    name: [.customShort("o"), .customLong("out")],
    help: "The directory of the merged model; the recipe's if not given.", completion: .directory)
  var out: String?

  @Option(help: "How many shares: some 8 for each process.")
  var shares: Int

  @Option(
    help: ArgumentHelp(
      "Keep what the merge needs of the models while they are surveyed, in this form, or not.",
      valueName: "auto|off|none|rice|lz4|zstd|zstd:level"))
  var spill: RunOptions.SpillOption = .off

  @Flag(help: "Throw the work of an unfinished run in the output away and start over.")
  var restart = false

  @Flag(name: .customLong("no-card"), help: "Write no README.md for the hub beside the model.")
  var hasNoCard = false

  @OptionGroup(title: "How the recipe in the output names paths") var paths: RecipePathOptions
  @OptionGroup(title: "Where models lie") var places: RecipePlaces
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    OpenFileLimit.raise()
    guard ShareNumber(0, of: shares) != nil else {
      throw UsageError(
        "the number of shares must lie in 1 ... \(ShareCut.maximumCount); it is \(shares)")
    }
    let file = try RecipeInput.load(recipe)
    guard let target = out ?? file.output else {
      throw UsageError(
        "the recipe does not say where to write", remedy: "Name a directory with --out.")
    }
    var options = file.runOptions
    options.spill = spill
    options.output = target
    options.startsOver = restart
    options.writesCard = !hasNoCard
    options.recipePaths = paths.recipePaths
    let plan = try MergePlan(try places.apply(to: file.recipe), options: options)
    WarningDisplay.show(plan.warnings, options: output)
    switch try SharePreparation(plan, output: target, shareCount: shares).run() {
    case .wasFinished: ShareText.writeFinished(target, output)
    case .wasPrepared(let run): tell(run, target, "was prepared before")
    case .prepared(let run): tell(run, target, "is prepared")
    }
  }

  private func tell(_ run: SharedPlan, _ target: String, _ what: String) {
    let sizes = run.shares.map(\.byteCount)
    let phases = run.phases.map(\.rawValue)
    ShareText.write(
      "\(target) \(what): \(shares) share\(shares == 1 ? "" : "s") of at most "
        + "\(ByteCount(sizes.max() ?? 0)), phases: \(phases.joined(separator: ", "))",
      output, event: "prepared"
    ) { json in
      json.member("out", .string(target))
      json.member("shares", .integer(shares))
      json.list("phases", phases.map { .string($0) })
      json.member("largest", .integer(sizes.max() ?? 0))
      json.member("bytes", .integer(sizes.reduce(0, +)))
    }
  }
}
