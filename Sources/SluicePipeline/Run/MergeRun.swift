internal import SluiceCore
public import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// One execution of a plan: survey, barrier, merge, and everything around them.
///
/// Unfinished files live in `OUT/.sluice`; a file has its final name only when all of it is on disk,
/// and the index (or the only shard) gets its name last.
public struct MergeRun {
  /// The directory inside the output that holds unfinished files.
  public static let workDirectoryName = ".sluice"

  private let plan: MergePlan
  private let output: String
  private let cancellation: Cancellation
  private let progress: ProgressMeter

  /// Prepares a run; nothing is written yet.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - output: The directory of the merged model.
  ///   - progress: Where progress is counted.
  ///   - cancellation: Ends the run from outside.
  public init(
    _ plan: MergePlan, output: String, progress: ProgressMeter = ProgressMeter(),
    cancellation: Cancellation = Cancellation()
  ) {
    self.plan = plan
    self.output = output
    self.progress = progress
    self.cancellation = cancellation
  }

  /// Runs to the end.
  ///
  /// - Returns: The report, which also lies in the output.
  /// - Throws: A `SluiceError` that says what failed; no finished name is left behind.
  public func execute() throws -> MergeReport {
    let start = MonotonicTime.now
    let directory = try OutputDirectory(output, needing: plan)
    do {
      let report = try execute(in: directory, start: start)
      try directory.finish()
      return report
    } catch {
      directory.abandon()
      throw error
    }
  }

  private func execute(
    in directory: OutputDirectory, start: MonotonicTime
  ) throws -> MergeReport {
    guard let kernels = Kernels(level: plan.options.vectorLevel) else {
      throw PipelineError.usage(
        "this processor has no \(plan.options.vectorLevel.name)",
        remedy: "The best level here is --vector-level \(VectorLevel.best.name).")
    }
    let explanation = PlanExplanation(plan, output: output, measuresDisk: false)
    let budget = ByteBudget(limit: plan.memory.totalBytes, cancellation: cancellation)
    let catalogue = try budget.acquire(plan.memory.catalogueBytes)
    defer { catalogue.release() }
    let context = RunContext(
      plan: plan, cancellation: cancellation, progress: progress, budget: budget,
      dropsCachedPages: plan.inputsExceedCache)
    var assembly = ChainAssembly(context, directory: directory, kernels: kernels)
    let (statistics, cuts, chain) = try assembly.run()

    let shards = OutputShards(plan.layout, in: directory.work)
    let sums = OutputSums(taskCount: plan.tasks.count)
    let merge = try mergePass(context, chain: chain, shards: shards, sums: sums, kernels: kernels)
    try shards.finish()

    var report = MergeReport(
      plan: plan, statistics: statistics, cuts: cuts, sums: sums,
      passes: assembly.passes + [merge])
    report.totals.bytesRead = assembly.inputByteCount + MergePlan.inputByteCount(plan.tasks)
    report.totals.bytesWritten = plan.layout.byteCount
    report.totals.bytesSpilled = assembly.statisticsByteCount
    report.totals.peakLeased = budget.peakBytes
    report.explanation = explanation
    report.copiedFiles = try directory.copySideFiles()
    try directory.writeRecipe()
    try directory.publish(shards, report: &report, start: start)
    return report
  }

  private func mergePass(
    _ context: RunContext, chain: MergeChain, shards: OutputShards, sums: OutputSums,
    kernels: Kernels
  ) throws -> PassMetrics {
    let names = plan.recipe.models.map(\.name)
    // In reverse, so that what pass 1 read last, and the page cache still holds, is used first.
    let tasks = Array(plan.tasks.reversed())
    let pass = LanePass(name: "merge", tasks: tasks, context: context)
    progress.startPhase(
      "merge", totalBytes: MergePlan.inputByteCount(tasks) + plan.layout.tensorByteCount)
    defer { progress.finishPhase() }
    return try pass.run(writing: shards, sums: sums, didWrite: progress.advance) { output in
      MergeSegment(modelNames: names, chain: chain, output: output, kernels: kernels)
    }
  }
}
