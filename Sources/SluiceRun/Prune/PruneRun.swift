package import SluiceAdapters
package import SluiceArchitecture
package import SluiceCore
package import SluiceDataflow
package import SluiceFormats
internal import SluiceKernels
package import SluiceMethods
internal import SluicePlan
package import SluiceRecipe
internal import SluiceStages
internal import SluiceStore

/// Makes the sparse delta store of a fine-tuned model.
///
/// One pass over the model: its linear layers are counted, and what merges from the lowest rate on can need is
/// packed behind that; other tensors are kept whole. A
/// run that is stopped goes on where it was, and what it makes depends on inputs and request alone.
package struct PruneRun {
  /// What is asked for.
  package struct Request: Sendable {
    /// The directory or file of the base model.
    package var base: String
    /// The directory or file of the fine-tuned model.
    package var model: String
    /// The adapters that are added to what lies there.
    package var adapters: [MergeRecipe.Adapter] = []
    /// How products of adapters' factors are rounded.
    package var adapterRounding: AdapterRounding = .exact
    /// How adapters' factors of stacked experts are packed.
    package var expertPacking: ExpertPacking?
    /// The lowest pruning rate that merges will ask for.
    package var pruningRate: PruningRate
    /// How far the rate of a layer may lie below it.
    package var maxRateDeviation = MethodParameters().maxRateDeviation
    /// What is done to the deltas before they are stored: a mask and a compensation; nil if merges do that.
    package var method: MethodParameters?
    /// How frames are compressed.
    package var codec = FrameCodec.rice
    /// Which tensors are linear layers.
    package var linearSet = LinearSet()
    /// What to do with a tensor that the base does not have: refuse, or leave it out.
    package var extraTensors = MethodParameters.ExtraTensors.error

    /// Asks for a store.
    package init(base: String, model: String, pruningRate: PruningRate) {
      self.base = base
      self.model = model
      self.pruningRate = pruningRate
    }
  }

  /// What was made.
  package struct Summary: Sendable {
    /// The number of tensors.
    package let tensorCount: Int
    /// The bytes of the model's tensors.
    package let modelByteCount: Int
    /// The bytes of the store.
    package let storeByteCount: Int
    /// What was skipped, converted or guessed.
    package let warnings: [Warning]
  }

  /// How a run ended.
  package enum Outcome: Sendable {
    /// The store was made.
    case made(Summary)
    /// The output holds this very store already; nothing was done.
    case wasFinished
  }

  private let request: Request
  private let plan: TensorPlan
  private let survey: SurveyPass
  /// What is done to the deltas before they are stored.
  private let chain: StoredChain?
  /// What was skipped, converted or guessed when the models were looked at.
  package let warnings: [Warning]
  private let output: String
  private let cancellation: Cancellation
  private let progress: ProgressMeter

  /// Looks at the models and plans the run; nothing is written yet.
  ///
  /// - Parameters:
  ///   - request: What is asked for.
  ///   - options: How it is to be run.
  ///   - output: The directory of the store.
  ///   - progress: Where progress is counted.
  ///   - cancellation: Ends the run from outside.
  /// - Throws: `PipelineError` or `FormatError` if the models do not fit together or are broken.
  package init(
    _ request: Request, options: RunOptions, output: String,
    progress: ProgressMeter = ProgressMeter(), cancellation: Cancellation = Cancellation()
  ) throws {
    guard request.extraTensors != .copy else {
      throw PipelineError.usage("a store cannot copy tensors that the base does not have")
    }
    self.request = request
    self.output = output
    self.progress = progress
    self.cancellation = cancellation
    let question = SignificanceQuestion(multiple: MethodParameters().significanceMultiple)
    var rules = TensorRules()
    rules.linearSet = request.linearSet
    rules.extraTensors = request.extraTensors
    rules.loraRounding = request.adapterRounding
    rules.loraExperts = request.expertPacking
    // All rows that the model has; a merge decides what becomes of them.
    rules.vocabulary = .extend
    let sources = try TensorSources(
      TensorRequest(
        base: request.base,
        models: [
          TensorRequest.Model(name: "model", path: request.model, adapters: request.adapters)
        ], rules: rules
      ).resolvingHubNames(), stripElements: options.stripElements)
    chain = try request.recipe.map { try StoredChain($0, sources) }
    survey = chain?.survey ?? SurveyPass(asking: question, packs: true)
    plan = try TensorPlan(
      sources, tasks: sources.tasks, options: options,
      spill: SpillPlan(
        storing: request.codec, reach: request.maxRateDeviation,
        significanceMultiple: question.multiple, holdsDeltas: chain != nil),
      needs: chain?.needs ?? TensorPlan.LaneNeeds(),
      requestedRate: { _, _ in request.pruningRate },
      passes: { [survey, chain] _ in chain?.passes(sources.tasks) ?? survey.withRefinements })
    warnings =
      sources.warnings
      + PrunedShare.warnings(
        sources.tasks, base: request.base,
        asked: "--pruning-rate \(request.pruningRate.value.shortText)")
    guard plan.stored.isEmpty else {
      throw PipelineError.usage("\(request.model) is a store already")
    }
  }

  /// Runs to the end, or goes on to the end with what an earlier attempt left.
  package func run() throws -> Outcome {
    let kernels = try plan.options.kernels()
    let meter = CostMeter()
    try plan.checkInputs()
    plan.limitReadAhead()
    let manifest = try MergeManifest.make(storing: request, plan, warnings)
    let isNew = try FileStatus.of("\(output)/\(RunFile.workDirectory)") == nil
    let isFinished = try isFinished(manifest)
    if isNew, isFinished { return .wasFinished }
    if isNew { try checkIsFree() }
    var directory = try RunDirectory(locking: output, manifest: manifest, plan.options)
    if isFinished {
      // Stopped after the finished name, before the work directory was gone.
      try directory.finish()
      return .wasFinished
    }
    if plan.options.startsOver { try directory.startOver() }
    var earlier = MergeProgress()
    let journalFile = try directory.openJournal(plan.options.inputCheck) { earlier.apply($0) }
    try checkIsFree(but: directory.names)
    do {
      earlier.moveSpill(to: directory.spillPlace(of: plan))
      let check = FinishedWorkCheck(plan: plan, directory: directory, cancellation: cancellation)
      let damaged = try check.damagedUnits(in: earlier, plan.options.resumeCheck)
      for unit in damaged { earlier.undo(unit) }
      earlier.undoCountsWithoutFrames()
      try DiskNeeds(storing: plan, output: output, finished: earlier.finishedStrips)
        .check(output, making: "the store")
      let summary = try MergeWork.attempt(
        plan, in: directory, journalFile, earlier: earlier, damaged: damaged, meter: meter,
        cancellation: cancellation
      ) { try make($0, in: directory, manifest, kernels: kernels) }
      try directory.finish()
      return .made(summary)
    } catch {
      throw RunEnd.error(error, cancellation, directory)
    }
  }

  private func make(
    _ work: MergeWork, in directory: RunDirectory, _ manifest: Manifest, kernels: Kernels
  ) throws -> Summary {
    guard let spill = work.spill, let codec = plan.spill.codec else {
      preconditionFailure("a store is made from frames")
    }
    let context = try RunContext(
      plan, work: work, kernels: kernels, progress: progress, cancellation: cancellation)
    let linear = plan.linearTasks.filter { $0.fineTuned[0] != nil }
    let whole = plan.tasks.filter { $0.role == .dense && $0.fineTuned[0] != nil }
    let run = PassRun(context, kernels: kernels)
    var (transforms, units) = (TransformChain.empty, PassUnits?.none)
    if let chain {
      transforms = try run.run(chain.passesBefore(plan.tasks), from: chain.inputs)
        .transforms(through: .amplify)
      units = try run.units(.keptStatistics)
    }
    let store = run.histograms(of: linear, &units)
    let histograms = Survey(run, store: store, transforms: transforms, units: units)
    histograms.packing = Packing(
      linear + whole, plan: plan, work: work, histograms: store, store: spill, codec: codec)
    try histograms.count(survey, linear + whole, keptWhole: whole)
    let statistics = try survey.significance(of: linear, in: histograms)
    let sealing = StoreSealing(
      plan: plan, histograms: store, spill: spill, statistics: statistics, tasks: linear + whole,
      cancellation: cancellation)
    var facts = try MergeManifest.storeFacts(request, plan, warnings)
    facts["identity"] = manifest.identity.hexadecimal
    let byteCount = try sealing.write(
      to: "\(output)/\(DeltaStore.fileName)", in: directory, facts: facts, progress)
    return Summary(
      tensorCount: linear.count + whole.count,
      modelByteCount: (linear + whole).reduce(0) { sum, task in
        sum + task.fineTunedElementCounts[0] * (task.fineTuned[0]?.deltaDType.byteCount ?? 1)
      }, storeByteCount: byteCount, warnings: warnings)
  }

  private func isFinished(_ manifest: Manifest) throws -> Bool {
    guard let store = try? DeltaStore.open(output) else { return false }
    return store.facts["identity"] == manifest.identity.hexadecimal
  }

  /// Refuses a directory with a model or store, or with others' files of the names that are given.
  private func checkIsFree(but own: OutputNames? = nil) throws {
    guard try FileStatus.of(output) != nil else { return }
    let names = [DeltaStore.fileName, "config.json"]
    let foreign = try Directory.list(output).map(\.name).filter { name in
      try (names.contains(name) || OutputDirectory.isOutput(name)) && own?.isOurs(name) != true
    }
    guard foreign.isEmpty else { throw PipelineError.outputExists(output, found: foreign) }
  }
}
