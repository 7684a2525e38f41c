internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// The passes before the merge.
///
/// They find what the chain of the recipe's method must know, and nothing else. Each pass runs the
/// part of the chain that is known by then.
struct Preparation {
  private(set) var context: RunContext
  let kernels: Kernels
  private(set) var passes: [PassMetrics] = []
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

  private var plan: MergePlan { context.plan }
  private var method: MethodParameters { plan.recipe.method }
  private var modelNames: [String] { plan.recipe.models.map(\.name) }

  /// Runs the passes and gives the chain of the merge.
  mutating func chain() throws -> MergeChain {
    let needs = method.needs
    let models = plan.recipe.models
    if needs.contains(.solve) { try solve() }
    if needs.contains(.survey) { try survey() }
    var inputs = ChainInputs(
      cuts: cuts, amplification: models.map(\.amplification), weights: models.map(\.weight))
    inputs.coefficients = plan.coefficients
    if needs.contains(.rowCuts) { inputs.rowCuts = try rowCuts() }
    if needs.contains(.maskSums) { inputs.rescales = try maskSums(inputs) }
    if needs.contains(.trim) { inputs.trims = try trims(inputs) }
    if needs.contains(.majority) { inputs.majority = try majority(inputs) }
    return method.chain(inputs)
  }

  /// Solves for layers; from then on their solutions are read in the place of the models' weights.
  private mutating func solve() throws {
    let solved = try SolvedFile(
      path: context.work.path("solved"), byteCount: plan.solve.byteCount)
    context.progress.startPhase("solve", totalBytes: plan.solve.byteCount)
    let pass = SolvePass(context: context, kernels: kernels, solved: solved)
    passes.append(try pass.run())
    context.progress.finishPhase()
    spilledByteCount += plan.solve.byteCount
    var plan = plan
    plan.files.append(try InputFile.open(solved.path))
    context.plan = plan
  }

  private mutating func survey() throws {
    let store = context.work.store
    var survey = Survey(context, store: store, kernels: kernels, isJournaled: true)
    (statistics, cuts) = try survey.run()
    count(survey, store)
  }

  /// Where each row of each linear layer is cut.
  private mutating func rowCuts() throws -> any RowCutSource {
    let linear = plan.tasks.filter { $0.role == .linear }
    let store = try RowCutStore(
      path: context.work.path("row-cuts"), tasks: linear, activations: plan.activations)
    // Each model is looked at by itself, so the base is read once for each.
    let byteCount = linear.reduce(0) { sum, task in
      let base = task.elementCount * (task.base.dtype.byteCount ?? 1)
      return task.fineTuned.reduce(sum) {
        $0 + base + ($1.map { task.elementCount * ($0.dtype.byteCount ?? 1) } ?? 0)
      }
    }
    context.progress.startPhase("rows", totalBytes: byteCount)
    let pass = RowPass(
      tasks: linear, context: context, kernels: kernels, store: store,
      rate: method.pruningRate.value)
    passes.append(try pass.run())
    context.progress.finishPhase()
    spilledByteCount += store.byteCount
    return store
  }

  /// The factors that make up for what a mask removes.
  private mutating func maskSums(_ inputs: ChainInputs) throws -> any FactorSource {
    // The sums are those of the mask alone.
    var inputs = inputs
    inputs.amplification = modelNames.map { _ in [] }
    let sums = MaskSums(taskCount: plan.tasks.count, modelCount: modelNames.count)
    let tasks = plan.tasks.filter {
      $0.role == .linear || ($0.role == .dense && method.maskScope == .all)
    }
    try pass("mask sums", tasks, method.pruningTransforms(inputs)) {
      [kernels, modelNames] transforms in
      MaskSumSegment(modelNames: modelNames, sums: sums, kernels: kernels, transforms: transforms)
    }
    return sums
  }

  /// Where TIES trims what the pruning left.
  private mutating func trims(_ inputs: ChainInputs) throws -> any CutSource {
    let store = try spectrumStore("trim-statistics")
    var survey = Survey(
      context, store: store, kernels: kernels, transforms: method.pruningTransforms(inputs))
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
    try pass("majority", plan.electedTasks, method.chain(inputs).transforms) {
      [kernels, modelNames] transforms in
      MajoritySegment(
        modelNames: modelNames, majority: majority, kernels: kernels, transforms: transforms)
    }
    return majority.value
  }

  private mutating func pass(
    _ name: String, _ tasks: [TensorTask], _ transforms: [any DeltaTransform],
    _ makeSegment: @escaping @Sendable (TransformLane) -> any LaneSegment
  ) throws {
    let partitionCount = method.partitionRates.count
    let byteCount = MergePlan.inputByteCount(tasks)
    context.progress.startPhase(name, totalBytes: byteCount)
    let pass = LanePass(name: name, tasks: tasks, context: context, isFinished: { _ in false })
    passes.append(
      try pass.run(didEnd: { _ in }) { [kernels, modelNames] _ in
        makeSegment(
          TransformLane(
            transforms, modelCount: modelNames.count, partitionCount: partitionCount,
            kernels: kernels))
      })
    context.progress.finishPhase()
  }

  private func spectrumStore(_ name: String) throws -> SpectrumStore {
    SpectrumStore(
      try WorkFile.create(at: context.work.path(name)), stripCount: plan.stripCount,
      modelCount: modelNames.count)
  }

  private mutating func count(_ survey: Survey, _ store: SpectrumStore) {
    passes += survey.passes
    spilledByteCount += store.byteCount
  }
}
