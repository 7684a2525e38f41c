internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluiceDataflow
internal import SluiceRecipe
internal import SluiceRun

struct WorkCommand: ParsableCommand, HasOutputOptions {
  static let configuration = CommandConfiguration(
    commandName: "work",
    abstract: "Do a share of a merge that was prepared, or all that is left of it.",
    discussion: """
      The same share may be done twice, also at the same time, and on any machine: the bytes are the same. \
      An attempt that was ended is gone on with by the next. What is done already costs a look.

      Without --share, all shares of all phases are done, and put together with what others did.

      Examples:
        sluice work merged --share 3/64 --phase survey
        sluice work merged
      """)

  @Argument(help: "The --out of prepare.", completion: .directory)
  var out: String

  @Option(help: ArgumentHelp("Which share, from 0.", valueName: "i/n"))
  var share: ShareNumber?

  @Option(help: "Which phase of it; the next one that is not done if not given.")
  var phase: SharePhase?

  @OptionGroup(title: "Where models lie") var places: RecipePlaces
  @OptionGroup(title: "How it is done (never changes the result)")
  var controls: JoinedOptions<LaneControls, ShareControls>
  @OptionGroup(title: "What is shown") var output: OutputOptions

  func run() throws {
    OpenFileLimit.raise()
    let cancellation = Cancellation()
    try SignalWatch.start(stopping: cancellation)
    do { try work(cancellation) } catch {
      // Somebody else may have done this very share, and the rest.
      guard case .finished = try? SharedRun.look(at: out) else { throw error }
      ShareText.writeFinished(out, output)
    }
  }

  private func work(_ cancellation: Cancellation) throws {
    guard let run = try SharedRun.open(out) else { return ShareText.writeFinished(out, output) }
    if let share, share.count != run.shareCount {
      throw UsageError(
        "the run in \(out) has \(run.shareCount) shares, not \(share.count)",
        remedy: "Give --share I/\(run.shareCount).")
    }
    if let phase { try ShareText.check(phase, of: run, out) }
    let phases = phase.map { [$0] } ?? run.phases
    var plan: SharedPlan?
    func makePlan(_ share: Int?) throws -> SharedPlan {
      // Of the whole run once, of a part for each.
      if let plan, !run.isSliced { return plan }
      let made = try run.plan(
        try places.apply(to: run.recipe), try controls.options(), share: share)
      plan = made
      return made
    }
    guard let share else {
      for phase in phases {
        for share in try run.missingShares(phase) {
          try work(makePlan(share), phase, share, cancellation)
        }
        if phase != run.phases.last, try !run.isReduced(phase) {
          try ShareReduction(makePlan(nil), phase).run()
        }
      }
      return
    }
    guard let next = try phases.first(where: { try !run.isDone($0, share: share.index) }) else {
      return tell(run, phases.last ?? .merge, share.index, isNew: false)
    }
    try work(makePlan(share.index), next, share.index, cancellation)
  }

  private func work(
    _ plan: SharedPlan, _ phase: SharePhase, _ share: Int, _ cancellation: Cancellation
  ) throws {
    let progress = ProgressMeter()
    let display = try ProgressDisplay(progress, options: output)
    defer { display.stop() }
    let outcome = try ShareWork(
      plan, phase, share: share, progress: progress, cancellation: cancellation
    ).run()
    display.stop()
    tell(plan.run, phase, share, isNew: outcome == .done)
  }

  private func tell(_ run: SharedRun, _ phase: SharePhase, _ share: Int, isNew: Bool) {
    ShareText.write(
      "share \(share)/\(run.shareCount), \(phase.rawValue): \(isNew ? "done" : "was done before")",
      output, event: "share"
    ) { json in
      json.member("out", .string(out))
      json.member("share", .integer(share))
      json.member("shares", .integer(run.shareCount))
      json.member("phase", .string(phase.rawValue))
      json.member("isNew", .bool(isNew))
    }
  }
}
