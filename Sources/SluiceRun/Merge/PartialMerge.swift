internal import SluiceCore
package import SluiceDataflow
package import SluiceFormats
internal import SluiceKernels
package import SluicePlan
internal import SluiceRecipe
package import SluiceStages

/// A merge whose tensors are made when they are asked for, some at a time, and never become a model: the passes
/// before the last run at the start, and the last one over the tensors that are wanted.
///
/// The weights are those that the merged model would have, to the bit.
package final class PartialMerge {
  /// What is merged.
  package let plan: MergePlan
  /// The bytes of models that were read so far.
  package var bytesRead: Int { run.context.work.meter.costs.bytesRead }

  private let run: PassRun
  private let places: ScratchPlaces
  private let directory: RunDirectory
  private let chain: MergeChain

  /// Runs the passes before the last.
  ///
  /// - Parameters:
  ///   - plan: The merge.
  ///   - scratch: Where files lie that nobody needs afterwards.
  ///   - progress: Counts what the passes before the last do.
  ///   - cancellation: What ends the work before its time.
  /// - Throws: What keeps the models from being merged.
  package init(
    _ plan: MergePlan, scratch: String, progress: ProgressMeter, cancellation: Cancellation
  ) throws {
    let kernels = try plan.options.kernels()
    if let task = plan.tasks.first(where: { $0.outputView != nil }) {
      throw PipelineError.badInput(
        "its elements do not lie together, and cannot be merged by themselves", tensor: task.name,
        remedy: "Merge the model, and evaluate that.")
    }
    self.plan = plan
    let path = try Directory.createTemporary("sluice-merge", in: scratch)
    do {
      directory = try RunDirectory(
        locking: path, manifest: try MergeManifest.make(plan), plan.options)
    } catch {
      try? Directory.remove(path)
      throw error
    }
    places = try ScratchPlaces(shardCount: plan.layout.shards.count, in: path)
    let work = try MergeWork(
      plan.tensors, in: directory, earlier: MergeProgress(), journal: nil, meter: CostMeter())
    run = PassRun(
      try RunContext(
        plan.tensors, work: work, kernels: kernels, progress: progress,
        cancellation: cancellation), kernels: kernels)
    chain = try run.run(Array(plan.tensors.passes.dropLast()), from: plan.passInputs).chain
  }

  deinit {
    try? directory.finish()
    try? Directory.remove(directory.path)
  }

  /// From now on reads models through what others read, too; what was read before is counted in `bytesRead`.
  package func share(_ reads: SharedReads) {
    for file in run.context.plan.files { file.share(reads) }
  }

  /// Lets go of what was merged.
  package func clear() throws { try places.clear() }

  /// Merges strips of tensors.
  ///
  /// - Parameters:
  ///   - tasks: The tensors.
  ///   - isWanted: Whether the strip of an ordinal is merged.
  /// - Throws: What keeps them from being merged.
  package func merge(
    _ tasks: [TensorTask], isWanted: @escaping @Sendable (Int) -> Bool
  ) throws {
    guard let pass = plan.tensors.passes.last else { return }
    var context = run.context
    // Whoever asks for tensors counts what is done.
    context.progress = ProgressMeter()
    let lanes = LanePass(
      pass: pass, tasks: tasks, context: context, isFinished: { !isWanted($0) },
      kernels: run.kernels, transforms: chain.transformChain)
    let (chain, kernels, figures) = (chain, run.kernels, run.figures)
    let modelCount = plan.tensors.modelCount
    _ = try lanes.run(writing: places) { output in
      MergeSink(
        modelCount: modelCount, chain: chain, output: output, kernels: kernels, figures: figures)
    }
  }

  /// Reads merged weights back, widened, from any thread.
  ///
  /// - Parameters:
  ///   - elements: Their positions in the tensor.
  ///   - task: The tensor, one of those that were merged last.
  ///   - target: Receives as many numbers.
  /// - Throws: If they cannot be read.
  package func read(
    _ elements: Range<Int>, of task: TensorTask, into target: UnsafeMutablePointer<Float>
  ) throws {
    try unsafe places.read(elements, of: task, into: target)
  }
}
