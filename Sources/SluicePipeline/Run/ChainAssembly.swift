internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// Everything before the last pass: takes the surveys that the chain needs, each over deltas as the
/// stages before it leave them, and puts the chain of the last pass together.
struct ChainAssembly {
  private let context: RunContext
  private let directory: OutputDirectory
  private let kernels: Kernels
  private(set) var passes: [PassMetrics] = []
  private(set) var inputByteCount = 0
  private(set) var statisticsByteCount = 0
  private var surveyCount = 0

  init(_ context: RunContext, directory: OutputDirectory, kernels: Kernels) {
    self.context = context
    self.directory = directory
    self.kernels = kernels
  }

  private var plan: MergePlan { context.plan }

  /// Takes all surveys.
  mutating func run() throws -> (statistics: LayerStatistics, cuts: CutTable, chain: MergeChain) {
    let stages = plan.recipe.stages
    let early = try inform(stages.transforms(behind: .delta), before: [], partitionCount: 1)
    let prefix = TransformChain(early, partitionCount: 1)
    let (statistics, cuts) = try survey(prefix) { survey throws in try survey.run() }

    let settings = plan.settings
    let models = plan.recipe.models
    var chain = plan.recipe.method.chain(
      cuts: cuts, amplification: models.map(\.amplification),
      weights: models.indices.map { model in { settings.weight(of: $0, model: model) } })
    if let merging = stages.merging {
      if plan.recipe.method.nonLinear == .merge { chain.dense.rule = merging.stage }
      chain.linear.rule = merging.stage
    }
    let builtIn = chain.transforms
    let behindMask = (builtIn.lastIndex { $0.name == "mask" } ?? -1) + 1
    // Behind what amplifies: before the weights of the models.
    let weights = builtIn.firstIndex { $0.name == "weight" } ?? builtIn.count
    var transforms = early + builtIn[..<behindMask]
    let count = chain.partitionCount
    transforms += try inform(
      stages.transforms(behind: .mask), before: transforms, partitionCount: count)
    transforms += builtIn[behindMask..<weights]
    transforms += try inform(
      stages.transforms(behind: .amplify), before: transforms, partitionCount: count)
    chain.transforms = transforms + builtIn[weights...]
    return (statistics, cuts, chain)
  }

  /// Gives transforms the statistics that they ask for, one after the other.
  private mutating func inform(
    _ transforms: [any DeltaTransform], before: [any DeltaTransform], partitionCount: Int
  ) throws -> [any DeltaTransform] {
    var informed: [any DeltaTransform] = []
    for transform in transforms {
      let needed = transform.needs.statistics
      guard !needed.isEmpty else {
        informed.append(transform)
        continue
      }
      let prefix = TransformChain(before + informed, partitionCount: partitionCount)
      let tasks = plan.tasks.filter { task in
        task.role == .linear || (task.role == .dense && transform.scope == .all)
      }
      let values = try survey(prefix) { survey throws in
        try survey.values(of: needed, for: transform.name, tasks)
      }
      informed.append(InformedTransform(transform, statistics: values))
    }
    return informed
  }

  private mutating func survey<Result>(
    _ prefix: TransformChain, _ body: (inout Survey) throws -> Result
  ) throws -> Result {
    surveyCount += 1
    let store = try SpectrumStore(
      path: directory.workPath(surveyCount == 1 ? "statistics" : "statistics-\(surveyCount)"),
      stripCount: plan.stripCount, modelCount: plan.recipe.models.count)
    var survey = Survey(context, store: store, kernels: kernels, prefix: prefix)
    let result = try body(&survey)
    var taken = survey.passes
    if !taken.isEmpty { taken[0].bytesSpilled = store.byteCount }
    passes += taken
    inputByteCount += survey.inputByteCount
    statisticsByteCount += store.byteCount
    return result
  }
}
