internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceRecipe
internal import SluiceRun

extension ShareNumber: ExpressibleByArgument {
  /// Reads a share such as `3/8`.
  package init?(argument: String) { self.init(argument) }
}

extension SharePhase: ExpressibleByArgument {}

/// The options of a process that does shares: lanes and memory are its own.
struct ShareControls: ParsableArguments {
  @Option(help: "How much of what other attempts at a share finished is checked before going on.")
  var verifyResume: ResumeCheck = .sample

  @Option(
    help: ArgumentHelp(
      "How often finished work is recorded, in seconds.", visibility: .hidden))
  var journalInterval = 1.0

  @Option(help: ArgumentHelp("The vector units to use.", visibility: .hidden))
  var vectorLevel: VectorLevel?

  /// Options, changed by what was given.
  func applied(to options: RunOptions) throws -> RunOptions {
    var options = options
    options.resumeCheck = verifyResume
    try options.setJournalInterval(journalInterval)
    if let vectorLevel { options.vectorLevel = vectorLevel }
    return options
  }
}

extension JoinedOptions<LaneControls, ShareControls> {
  /// The options of the process.
  func options() throws -> RunOptions {
    try second.applied(to: try first.applied(to: LaneControls.standard))
  }
}

/// What the commands for shared runs say.
enum ShareText {
  /// Refuses a phase that a run does not have.
  static func check(_ phase: SharePhase, of run: SharedRun, _ out: String) throws {
    guard !run.phases.contains(phase) else { return }
    throw UsageError(
      "the run in \(out) has no phase \(phase.rawValue)",
      remedy: "It has \(run.phases.map(\.rawValue).joined(separator: ", ")).")
  }

  /// One line for people, or an event.
  static func write(
    _ text: String, _ output: OutputOptions, event: String, _ members: (inout JSONWriter) -> Void
  ) {
    StandardOutput.write(
      output.isJSON
        ? JSONLine.text { json in
          json.member("event", .string(event))
          members(&json)
        } : text + "\n")
  }

  /// Says that there is nothing to do any more.
  static func writeFinished(_ out: String, _ output: OutputOptions) {
    StandardOutput.write(
      output.isJSON
        ? MergeSummary.jsonForFinished(output: out)
        : "\(out) holds the merged model already; nothing was done\n")
  }
}
