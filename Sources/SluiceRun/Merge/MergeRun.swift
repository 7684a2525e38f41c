internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
public import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// One execution of a plan: survey, barrier, merge, and everything around them.
///
/// Unfinished files live in `OUT/.sluice`; a file has its final name only when all of it is on disk,
/// and the index (or the only shard) gets its name last. What is finished is recorded there, too, so
/// that the same run, started again after any end, goes on where it stopped.
public struct MergeRun {
  /// How a run ended.
  public enum Outcome: Sendable {
    /// The model was merged; the report lies in the output, too.
    case merged(MergeReport)
    /// The output holds this very model already; nothing was done.
    case wasFinished
  }

  private let plan: MergePlan
  private let output: String
  private let cancellation: Cancellation
  private let progress: ProgressMeter

  /// Prepares a run; nothing is written yet.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - output: The directory of the merged model.
  public init(_ plan: MergePlan, output: String) {
    self.init(plan, output: output, progress: ProgressMeter())
  }

  /// Prepares a run; nothing is written yet.
  package init(
    _ plan: MergePlan, output: String, progress: ProgressMeter = ProgressMeter(),
    cancellation: Cancellation = Cancellation()
  ) {
    self.plan = plan
    self.output = output
    self.progress = progress
    self.cancellation = cancellation
  }

  /// Runs to the end, in an output that does not hold the model yet.
  ///
  /// - Returns: The report, which also lies in the output.
  /// - Throws: A `SluiceError` that says what failed.
  public func execute() throws -> MergeReport {
    guard case .merged(let report) = try run() else {
      throw PipelineError.outputExists(output, found: [RunFile.report])
    }
    return report
  }

  /// Runs to the end, or goes on to the end with what an earlier attempt left.
  ///
  /// - Returns: How the run ended.
  /// - Throws: A `SluiceError` that says what failed. What was finished is kept, unless the weights
  ///   cannot be merged in this way: with others, or another recipe, nothing of it could be used.
  public func run() throws -> Outcome {
    let kernels = try plan.options.kernels()
    let meter = CostMeter()
    let work = "\(output)/\(RunFile.workDirectory)"
    let files = OutputDirectory(output, work: work, plan: plan)
    // What is noted of the inputs must be what the plan was made from.
    try plan.tensors.checkInputs()
    plan.tensors.limitReadAhead()
    let manifest = try MergeManifest.make(plan)
    let isNew = try FileStatus.of(work) == nil
    if try isNew && files.isFinished(manifest) { return .wasFinished }
    if isNew { try files.checkIsFree() }
    var directory = try RunDirectory(locking: output, manifest: manifest, plan.options)
    if try files.isFinished(manifest) {
      // Stopped after the last finished name, before the work directory was gone.
      try directory.finish()
      return .wasFinished
    }
    if plan.options.startsOver { try directory.startOver() }
    var earlier = MergeProgress()
    let journalFile = try directory.openJournal(plan.options.inputCheck) { earlier.apply($0) }
    if !earlier.isPublishing { try files.checkIsFree(but: directory.names) }
    do {
      let report = try resume(
        from: &earlier, in: directory, journalFile, files: files, meter: meter, kernels: kernels)
      try directory.finish()
      return .merged(report)
    } catch {
      throw RunEnd.error(error, cancellation, directory)
    }
  }

  /// Checks what is there, and does the rest.
  private func resume(
    from earlier: inout MergeProgress, in directory: RunDirectory, _ journalFile: WorkFile,
    files: OutputDirectory, meter: CostMeter, kernels: Kernels
  ) throws -> MergeReport {
    if plan.spill.isOn { earlier.moveSpill(to: directory.spillPlace(of: plan.tensors)) }
    var damaged = try FinishedWorkCheck(
      plan: plan.tensors, directory: directory, cancellation: cancellation
    ).damagedUnits(in: earlier, plan.options.resumeCheck)
    for unit in damaged { earlier.undo(unit) }
    if earlier.isPublishing, !damaged.isEmpty {
      damaged.append(UnitKey(.publish, 0))
      earlier.undo(UnitKey(.publish, 0))
      try files.takeBack(directory.names)
    }
    if !earlier.isPublishing {
      let isElsewhere = plan.spill.isOn && plan.options.spillDirectory != nil
      let spill = isElsewhere ? try directory.spillPath(of: plan.tensors) : nil
      try DiskNeeds(plan, output: output, spill: spill, finished: earlier.finishedStrips)
        .check(output, making: "the merged model")
    }
    return try MergeWork.attempt(
      plan.tensors, in: directory, journalFile, earlier: earlier, damaged: damaged, meter: meter,
      cancellation: cancellation
    ) { work in
      var report = try merge(work, kernels: kernels)
      report.identity = directory.manifest.identity
      report.addRunWarnings(damaged: damaged, isLocked: directory.lock.isExclusive, output: output)
      try files.publish(work.shards, report: &report, noting: directory.names) { $0.count(work) }
      return report
    }
  }

  private func merge(_ work: MergeWork, kernels: Kernels) throws -> MergeReport {
    // Nobody asks for it before the report; a look at ten thousands of tensors takes its while.
    let explanation = try Future("explanation") { [plan, output] in
      PlanExplanation(plan, output: output, measuresSpeed: false)
    }
    let context = try RunContext(
      plan.tensors, work: work, kernels: kernels, progress: progress, cancellation: cancellation)
    let run = PassRun(context, kernels: kernels)
    let findings = try run.run(plan.tensors.passes, from: plan.passInputs)
    try work.beginPublishing()
    var report = try MergeReport(
      plan: plan, statistics: findings.statistics, cuts: findings.cuts, solved: findings.solved,
      sketched: findings.sketched, sums: work.sums, norms: work.norms, passes: run.metrics)
    report.figures = work.figures
    report.totals.bytesSpilled = run.spilledByteCount
    report.totals.peakLeased = context.budget.peakBytes
    report.explanation = try explanation.value()
    return report
  }
}
