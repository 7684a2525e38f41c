internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
package import SluiceRecipe
internal import SluiceStages

/// A merge that many processes do, as `prepare` left it in its output.
package struct SharedRun: Sendable {
  static let format = "sluice-shares"
  static let version = 1
  private static let byteLimit = 1 << 20

  /// What is in an output directory.
  package enum State: Sendable {
    /// A shared run that is prepared, and not finished.
    case prepared(SharedRun)
    /// A merged model.
    case finished
  }

  /// The output.
  package let output: String
  /// How many shares there are.
  package let shareCount: Int
  /// The phases, in order.
  package let phases: [SharePhase]
  /// The recipe, with the paths of the machine that prepared it.
  package let recipe: MergeRecipe
  let folder: ShareFolder
  /// Whether a process can do a share without looking at all models.
  package let isSliced: Bool
  /// The version of the program that prepared it.
  let preparedBy: String
  /// What of the way it is run belongs to the run, and not to a worker.
  let settings: Settings

  /// What of the options of a run all of its processes must have alike.
  struct Settings: Sendable, Hashable {
    var stripElements: Int
    var copiesTokenizer: Bool
    var writesCard: Bool
    var measuresChanges: Bool
    var recipePaths: WrittenPaths.Form
    /// How what surveys keep of the models is compressed; nil if later phases read the models again.
    var spill: FrameCodec?

    init(_ options: RunOptions, spill: FrameCodec?) {
      self.spill = spill
      stripElements = options.stripElements
      copiesTokenizer = options.copiesTokenizer
      writesCard = options.writesCard
      measuresChanges = options.measuresChanges
      recipePaths = options.recipePaths
    }

    /// Options with these settings, and without what shares do not have.
    func applied(to options: RunOptions) -> RunOptions {
      var options = options
      options.stripElements = stripElements
      options.copiesTokenizer = copiesTokenizer
      options.writesCard = writesCard
      options.measuresChanges = measuresChanges
      options.recipePaths = recipePaths
      options.spill = spill.map { .on($0) } ?? .off
      (options.spillDirectory, options.spillLimit) = (nil, nil)
      options.isJournaled = true
      return options
    }
  }

  /// Looks at an output.
  ///
  /// - Parameter output: The directory.
  /// - Returns: What is in it; nil if it holds neither a shared run nor a merged model.
  /// - Throws: If what is there cannot be read.
  package static func look(at output: String) throws -> State? {
    let work = "\(output)/\(RunFile.workDirectory)"
    let path = "\(work)/\(ShareFolder.descriptionName)"
    guard try FileStatus.of(path, followingLinks: false) != nil else {
      guard try FileStatus.of("\(output)/\(RunFile.report)") != nil else { return nil }
      guard
        case .manifest(let left) = try Manifest.read("\(work)/\(RunDirectory.manifestName)")
      else { return .finished }
      // Stopped after the last finished name, before the work directory was gone.
      let identity = try ReportedShards.identity(of: "\(output)/\(RunFile.report)")
      return identity == left.identity.hexadecimal ? .finished : nil
    }
    do {
      return .prepared(try SharedRun(output: output, description: path))
    } catch {
      // It may have been finished while it was read.
      guard try FileStatus.of(path, followingLinks: false) == nil else { throw error }
      return try look(at: output)
    }
  }

  /// Opens the run in an output.
  ///
  /// - Parameter output: The directory.
  /// - Returns: The run; nil if it is finished.
  /// - Throws: `PipelineError` if there is none.
  package static func open(_ output: String) throws -> SharedRun? {
    switch try look(at: output) {
    case .prepared(let run): return run
    case .finished: return nil
    case nil:
      throw PipelineError.usage(
        "there is no shared run in it", file: output, remedy: "Begin one with sluice prepare.")
    }
  }

  private init(output: String, description path: String) throws {
    let tree = try JSONTree.read(path, byteLimit: SharedRun.byteLimit)
    guard tree["format"]?.text == SharedRun.format,
      tree["version"]?.number == Double(SharedRun.version)
    else {
      throw PipelineError.usage(
        "the description of a shared run, of another version of its format", file: path,
        remedy: "Finish it with the version that prepared it.")
    }
    let names = (tree["phases"]?.list ?? []).map(\.text)
    let spill = tree["spill"]?.text ?? ""
    let codec = FrameCodec(label: spill)
    let phases = names.compactMap { SharePhase(rawValue: $0) }
    guard let identity = Hash128(hexadecimal: tree["identity"]?.text ?? ""),
      let count = tree["shares"]?.number.flatMap({ Int(exactly: $0) }),
      ShareNumber(0, of: count) != nil, phases.count == names.count, phases.last == .merge,
      let strip = tree["stripElements"]?.number.flatMap({ Int(exactly: $0) }), strip > 0,
      strip % Granularity.grainElements == 0, codec != nil || spill == "off",
      let paths = WrittenPaths.Form(rawValue: tree["recipePaths"]?.text ?? "")
    else {
      throw PipelineError.badInput(
        "the description of a shared run, damaged", file: path,
        remedy: "Begin anew with sluice prepare and --restart.")
    }
    self.output = output
    self.phases = phases
    isSliced = tree["isSliced"]?.flag ?? false
    preparedBy = tree["sluice"]?.text ?? ""
    shareCount = count
    folder = ShareFolder(output: output, identity: identity, shareCount: count)
    var options = RunOptions(threads: 1)
    options.stripElements = strip
    options.copiesTokenizer = tree["copiesTokenizer"]?.flag ?? true
    options.writesCard = tree["writesCard"]?.flag ?? false
    options.measuresChanges = tree["measuresChanges"]?.flag ?? true
    options.recipePaths = paths
    settings = Settings(options, spill: codec)
    recipe = try RecipeFile.load(
      "\(folder.work)/\(ShareFolder.recipeName)", options: options
    ).recipe
  }

  /// The description of a run.
  static func description(
    _ folder: ShareFolder, _ phases: [SharePhase], _ settings: Settings, isSliced: Bool
  ) -> [UInt8] {
    JSONWriter.bytes(indentation: 1) { json in
      json.beginObject()
      json.member("format", .string(format))
      json.member("version", .integer(version))
      json.member("sluice", .string(SluiceVersion.current))
      json.member("identity", .string(folder.identity.hexadecimal))
      json.member("shares", .integer(folder.shareCount))
      json.list("phases", phases.map { .string($0.rawValue) })
      json.member("isSliced", .bool(isSliced))
      json.member("stripElements", .integer(settings.stripElements))
      json.member("copiesTokenizer", .bool(settings.copiesTokenizer))
      json.member("writesCard", .bool(settings.writesCard))
      json.member("measuresChanges", .bool(settings.measuresChanges))
      json.member("recipePaths", .string(settings.recipePaths.rawValue))
      json.member("spill", .string(settings.spill?.label ?? "off"))
      json.endObject()
    } + [UInt8(ascii: "\n")]
  }

  /// Plans the merge as a process of the run does it.
  ///
  /// - Parameters:
  ///   - recipe: The recipe of the run, with the paths of this machine.
  ///   - options: How this process does its part.
  /// - Returns: The plan, which is that of the run.
  /// - Throws: `PipelineError` with what differs from what was prepared.
  package func plan(_ recipe: MergeRecipe, _ options: RunOptions) throws -> SharedPlan {
    let plan = try MergePlan(recipe, options: settings.applied(to: options))
    try plan.tensors.checkInputs()
    let manifest = try MergeManifest.make(plan, isShared: true)
    if manifest.identity != folder.identity {
      guard
        case .manifest(let prepared) = try Manifest.read(
          "\(folder.work)/\(RunDirectory.manifestName)")
      else { throw PipelineError.goneRun(output) }
      let differences = manifest.differences(from: prepared)
      throw PipelineError.otherSolver(output, differences)
        ?? PipelineError.otherRun(output, differences)
    }
    plan.tensors.limitReadAhead()
    return SharedPlan(run: self, merge: plan, manifest: manifest)
  }

  /// Whether a phase of a share is done.
  package func isDone(_ phase: SharePhase, share: Int) throws -> Bool {
    try ShareRecords.isThere(
      folder.done(phase, share), of: folder.owner(phase, share: share))
  }

  /// The shares of which a phase is not done.
  package func missingShares(_ phase: SharePhase) throws -> [Int] {
    try (0..<shareCount).filter { try !isDone(phase, share: $0) }
  }

  /// Whether what all shares found in a phase is put together, for the phase after it.
  package func isReduced(_ phase: SharePhase) throws -> Bool {
    guard phase != .merge else { return true }
    return try ShareRecords.isThere(folder.reduced(phase), of: folder.reducedOwner(phase))
  }
}

extension PipelineError {
  /// All that differs is what layers are solved with; nil if there is more to it.
  fileprivate static func otherSolver(
    _ output: String, _ differences: [(name: String, mine: String?, other: String?)]
  ) -> PipelineError? {
    guard differences.count == 1, let solver = differences.first,
      solver.name == MergeManifest.solverFact, let theirs = solver.other
    else { return nil }
    let processor = theirs.split(separator: " ").last.map { String($0) } ?? theirs
    return .usage(
      "its layers are solved for with \(theirs), here it would be \(solver.mine ?? "nothing"), whose last "
        + "bits may differ", file: output,
      remedy:
        "Set OPENBLAS_CORETYPE=\(processor), or use a machine with that library and processor.")
  }

  /// The run went away while something of it was done.
  static func goneRun(_ output: String) -> PipelineError {
    PipelineError(
      Failure(
        .stopped, subject: Subject(file: output),
        message: "the shared run in it is gone: it was finished, or thrown away",
        remedy: "Ask sluice status what is there."))
  }
}
