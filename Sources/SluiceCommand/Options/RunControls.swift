internal import ArgumentParser
internal import Glibc
internal import SluiceCore
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRun
internal import SluiceRecipe

/// The options that say how a run is done; none of them changes a byte of the result.
typealias RunControls = JoinedOptions<
  ReadControls, JoinedOptions<WriteControls, RecipePathOptions>
>

extension RunControls {
  /// The options of the run.
  func options() throws -> RunOptions { try applied(to: LaneControls.standard) }

  /// Options, changed by what was given.
  func applied(to options: RunOptions) throws -> RunOptions {
    var options = second.first.applied(to: try first.applied(to: options))
    options.recipePaths = self.recipePaths
    return options
  }
}

/// Those of the options that a run has which writes a model.
struct WriteControls: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep what the merge needs of the models while they are surveyed, in this form, or not.",
      valueName: "auto|off|none|rice|lz4|zstd|zstd:level"))
  var spill: RunOptions.SpillOption = .auto

  @Option(
    help: ArgumentHelp("Where the spill is kept; in the output if not given.", valueName: "dir"))
  var spillDir: String?

  @Option(help: ArgumentHelp("The most bytes that the spill may take.", valueName: "size"))
  var spillMax: ByteCount?

  @Flag(name: .customLong("no-card"), help: "Write no README.md for the hub beside the model.")
  var hasNoCard = false

  /// Options, changed by what was given.
  func applied(to options: RunOptions) -> RunOptions {
    var options = options
    options.spill = spill
    options.spillDirectory = spillDir
    options.spillLimit = spillMax
    options.writesCard = !hasNoCard
    return options
  }
}

/// Those of the options that any command has which looks at models.
struct LaneControls: ParsableArguments {
  @Option(help: "The memory for buffers, windows and tables; 512MiB if not given.")
  var memory: ByteCount?

  @Option(
    name: [.customShort("j"), .customLong("threads")],
    help: "How many lanes compute; the number of processors if not given.")
  var threads: Int?

  @Option(help: "How input files are read; auto if not given.")
  var io: RunOptions.InputOption?

  @Option(help: "How chunks come from reading to working; auto if not given.")
  var edges: RunOptions.EdgeOption?

  /// The options of a run of which nothing else is said.
  func options() throws -> RunOptions { try applied(to: LaneControls.standard) }

  /// The options of a run of which nothing is said.
  static var standard: RunOptions {
    RunOptions(threads: max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
  }

  /// Options, changed by what was given.
  func applied(to options: RunOptions) throws -> RunOptions {
    if let threads, !(1...1024).contains(threads) {
      throw UsageError("the number of threads must lie in 1 ... 1024; it is \(threads)")
    }
    var options = options
    if let threads { options.threads = threads }
    if let memory { options.memory = memory }
    if let io { options.io = io.mode }
    if let edges { options.edges = edges }
    return options
  }
}

/// Those of the options that any run has which can be resumed.
typealias ReadControls = JoinedOptions<LaneControls, ResumeControls>

extension ReadControls {
  /// The options of the run.
  func options() throws -> RunOptions { try applied(to: LaneControls.standard) }

  /// Options, changed by what was given.
  func applied(to options: RunOptions) throws -> RunOptions {
    try second.applied(to: try first.applied(to: options))
  }
}

/// What is resumed, and how it is checked.
struct ResumeControls: ParsableArguments {
  @Flag(help: "Throw the work of an unfinished run in the output away and start over.")
  var restart = false

  @Option(help: "How much finished work of an interrupted run is checked before going on.")
  var verifyResume: ResumeCheck = .sample

  @Option(
    help: ArgumentHelp(
      "How inputs are compared with those of an interrupted run, beside samples: by the time of the "
        + "last change of any kind, by all of their bytes (read at the start, each time), or not."))
  var verifyInputs: InputCheck = .change

  @Option(
    help: ArgumentHelp(
      "How often finished work is recorded, in seconds; 0 for never.", visibility: .hidden))
  var journalInterval = 1.0

  @Option(
    help: ArgumentHelp(
      "Whether the report says how tensors are changed.", visibility: .hidden))
  var changes: Switch = .on

  @Option(help: ArgumentHelp("The vector units to use.", visibility: .hidden))
  var vectorLevel: VectorLevel?

  /// Options, changed by what was given.
  func applied(to options: RunOptions) throws -> RunOptions {
    var options = options
    options.startsOver = restart
    options.resumeCheck = verifyResume
    options.inputCheck = verifyInputs
    try options.setJournalInterval(journalInterval)
    options.measuresChanges = changes == .on
    options.isJournaled = journalInterval > 0
    if let vectorLevel { options.vectorLevel = vectorLevel }
    return options
  }
}

extension RunOptions {
  /// Sets how often finished work is recorded.
  mutating func setJournalInterval(_ seconds: Double) throws {
    guard (0...3600).contains(seconds) else {
      throw UsageError("the journal interval must lie in 0 ... 3600 seconds")
    }
    journalPace.interval = .seconds(seconds)
  }
}

/// The options that say what is shown.
struct OutputOptions: ParsableArguments {
  @Flag(name: .customLong("json"), help: "Write events and results as JSON, one object a line.")
  var isJSON = false

  @Flag(
    name: [.customShort("q"), .customLong("quiet")],
    help: "Show no progress and no warnings; results are still written.")
  var isQuiet = false

  @Flag(
    name: [.customShort("v"), .customLong("verbose")],
    help: "Show each pass and what its nodes waited for.")
  var isVerbose = false
}
