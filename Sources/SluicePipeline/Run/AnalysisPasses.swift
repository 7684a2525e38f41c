internal import SluiceRecipe
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// The passes before the merge.
///
/// They find what the chain of the recipe must know, and nothing else. Each pass looks at deltas as the
/// part of the chain before it leaves them.
struct AnalysisPasses {
  private(set) var context: RunContext
  let kernels: Kernels
  private(set) var passes: [PassMetrics] = []
  /// How many stages of the recipe's own got their statistics.
  var resolvedCount = 0
  private(set) var spilledByteCount = 0
  /// The statistics of linear layers; empty if the method does not look at them.
  private(set) var statistics: LayerStatistics
  /// The cuts of linear layers; empty if the method does not look at them.
  private(set) var cuts = CutTable(partitionCount: 0, layers: [:])

  init(_ context: RunContext, kernels: Kernels) {
    self.context = context
    self.kernels = kernels
    statistics = LayerStatistics(tasks: [], layers: context.plan.recipe.models.map { _ in [] })
  }

  var plan: MergePlan { context.plan }
  private var method: MethodParameters { plan.recipe.method }
  private var modelNames: [String] { plan.recipe.models.map(\.name) }

  /// Runs the passes and gives the chain of the merge.
  mutating func chain() throws -> MergeChain {
    let needs = method.needs
    if needs.contains(.solve) { try solve() }
    var inputs = plan.chainInputs
    try resolveStatistics(.delta, &inputs)
    if needs.contains(.survey) {
      try survey(transforms(inputs, through: .delta))
      inputs.cuts = cuts
    }
    if needs.contains(.rowCuts) { inputs.rowCuts = try rowCuts() }
    if needs.contains(.maskSums) { inputs.rescales = try maskSums(inputs) }
    try resolveStatistics(.mask, &inputs)
    try resolveStatistics(.amplify, &inputs)
    if needs.contains(.trim) { inputs.trims = try trims(inputs) }
    if needs.contains(.majority) { inputs.majority = try majority(inputs) }
    return method.chain(inputs)
  }

  /// The chain up to a place, as far as it is known.
  func transforms(_ inputs: ChainInputs, through place: TransformPlace) -> TransformChain {
    TransformChain(
      method.transforms(inputs, through: place), partitionCount: inputs.partitionCount)
  }

  /// Solves for layers; from then on their solutions are read in the place of the models' weights.
  private mutating func solve() throws {
    let solved = try WorkFile.create(at: context.work.path("solved"))
    try solved.truncate(to: plan.solve.byteCount)
    context.progress.startPhase("solve", totalBytes: plan.solve.byteCount)
    let pass = SolvePass(context: context, kernels: kernels, solved: solved)
    var metrics = try pass.run()
    metrics.bytesSpilled = plan.solve.byteCount
    passes.append(metrics)
    context.progress.finishPhase()
    spilledByteCount += plan.solve.byteCount
    var plan = plan
    plan.files.append(try InputFile.open(solved.path))
    context.plan = plan
  }

  private mutating func survey(_ prefix: TransformChain) throws {
    let store = context.work.store
    try plan.stored.restoreHistograms(of: plan.linearTasks, plan, to: store)
    var survey = Survey(
      context, store: store, kernels: kernels, prefix: prefix, isJournaled: true)
    let spill = context.work.spill
    if let spill, let codec = plan.spill.codec {
      survey.repacking = Repacking(
        plan.linearTasks, plan: plan, work: context.work, store: spill, codec: codec)
    }
    (statistics, cuts) = try survey.run()
    count(survey, store)
    try plan.stored.check(cuts, of: plan.linearTasks, plan)
    guard let spill else { return }
    spilledByteCount += spill.records.byteCount
    if !passes.isEmpty { passes[0].bytesSpilled += spill.records.byteCount }
    // From here on what was kept is read in the place of the models.
    context.packed = .unpacked(
      PackedModels(
        stored: plan.stored,
        spilled: SpilledModels(store: spill) { [cuts] in cuts.containsCuts($0, $1, floor: $2) }),
      kernels)
  }

  /// Where each row of each linear layer is cut.
  private mutating func rowCuts() throws -> any RowCutSource {
    let linear = plan.tasks.filter { $0.role == .linear }
    let store = try RowCutStore(
      path: context.work.path("row-cuts"), tasks: linear, activations: plan.activations)
    context.progress.startPhase("rows", totalBytes: RowPass.inputByteCount(linear))
    let pass = RowPass(tasks: linear, context: context, kernels: kernels, store: store)
    var metrics = try pass.run()
    metrics.bytesSpilled = store.byteCount
    passes.append(metrics)
    context.progress.finishPhase()
    spilledByteCount += store.byteCount
    return store
  }

  /// The factors that make up for what a mask removes.
  private mutating func maskSums(_ inputs: ChainInputs) throws -> any FactorSource {
    let sums = MaskSums(taskCount: plan.tasks.count, modelCount: modelNames.count)
    let mask = TransformChain(
      method.maskTransforms(inputs), partitionCount: inputs.partitionCount,
      usesGrains: transforms(inputs, through: .delta).usesGrains)
    try pass("mask sums", plan.maskSummedTasks, after: transforms(inputs, through: .delta)) {
      [kernels, modelCount = modelNames.count] in
      MaskSumSink(modelCount: modelCount, sums: sums, mask: mask, kernels: kernels)
    }
    return sums
  }

  /// Where TIES trims what the pruning left.
  private mutating func trims(_ inputs: ChainInputs) throws -> any CutSource {
    let store = try histogramStore("trim-statistics")
    var survey = Survey(
      context, store: store, kernels: kernels, prefix: transforms(inputs, through: .amplify))
    let tasks = plan.electedTasks
    try survey.count("trim", tasks)
    let cuts: any CutSource =
      method.selectingFlavor == .original
      ? try survey.globalCuts(of: tasks, density: method.trimDensity)
      : try survey.densityCuts(of: tasks, density: method.trimDensity)
    count(survey, store)
    return cuts
  }

  /// The sign that most elements elect.
  private mutating func majority(_ inputs: ChainInputs) throws -> Int {
    let majority = SignMajority()
    try pass("majority", plan.electedTasks, after: method.chain(inputs).transformChain) {
      [kernels, modelCount = modelNames.count] in
      MajoritySink(modelCount: modelCount, majority: majority, kernels: kernels)
    }
    return majority.value
  }

  private mutating func pass(
    _ name: String, _ tasks: [TensorTask], after transforms: TransformChain,
    _ makeSink: @escaping @Sendable () -> any TileSink
  ) throws {
    context.progress.startPhase(name, totalBytes: MergePlan.inputByteCount(tasks))
    let pass = LanePass(
      name: name, tasks: tasks, context: context, isFinished: { _ in false }, kernels: kernels,
      transforms: transforms)
    passes.append(try pass.run(didEnd: { _ in }, makeSink))
    context.progress.finishPhase()
  }

  func histogramStore(_ name: String) throws -> HistogramStore {
    HistogramStore(
      try WorkFile.create(at: context.work.path(name)), stripCount: plan.stripCount,
      modelCount: modelNames.count)
  }

  mutating func count(_ survey: Survey, _ store: HistogramStore) {
    var taken = survey.passes
    if !taken.isEmpty { taken[0].bytesSpilled = store.records.byteCount }
    passes += taken
    spilledByteCount += store.records.byteCount
  }
}
