internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// Everything before the last pass: takes the surveys that the chain needs, each over deltas as the
/// stages before it leave them, and puts the chain of the last pass together.
struct ChainAssembly {
  private let context: RunContext
  private let kernels: Kernels
  private(set) var passes: [PassMetrics] = []
  private(set) var statisticsByteCount = 0
  private var informedCount = 0

  init(_ context: RunContext, kernels: Kernels) {
    self.context = context
    self.kernels = kernels
  }

  private var plan: MergePlan { context.plan }

  /// Takes all surveys.
  mutating func run() throws -> (statistics: LayerStatistics, cuts: CutTable, chain: MergeChain) {
    let stages = plan.recipe.stages
    let early = try inform(stages.transforms(behind: .delta), before: [], partitionCount: 1)
    let store = context.work.store
    var survey = Survey(
      context, kernels: kernels, prefix: TransformChain(early, partitionCount: 1))
    let (statistics, cuts) = try survey.run()
    add(survey, store)

    var chain = plan.chain(cuts: cuts)
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
      guard !transform.needs.statistics.isEmpty else {
        informed.append(transform)
        continue
      }
      let prefix = TransformChain(before + informed, partitionCount: partitionCount)
      informed.append(
        InformedTransform(transform, statistics: try statistics(for: transform, prefix)))
    }
    return informed
  }

  /// The statistics that a transform asks for: as an earlier attempt recorded them, or by a survey.
  private mutating func statistics(
    for transform: any DeltaTransform, _ prefix: TransformChain
  ) throws -> [[Int: [Double]]] {
    let needed = transform.needs.statistics
    let models = plan.recipe.models.indices
    let firstUnit = informedCount * plan.tasks.count
    informedCount += 1
    var known: [[Int: [Double]]] = models.map { _ in [:] }
    var missing: [TensorTask] = []
    for task in plan.tasks(in: transform.scope) {
      if let values = context.work.earlier.statistics[firstUnit + task.ordinal],
        values.count == models.count * needed.count
      {
        for model in models {
          known[model][task.ordinal] = Array(
            values[model * needed.count..<(model + 1) * needed.count])
        }
      } else {
        missing.append(task)
      }
    }
    guard !missing.isEmpty else { return known }
    let path = context.work.path(of: "statistics-\(informedCount)")
    let store = SpectrumStore(
      try WorkFile.create(at: path), stripCount: plan.stripCount, modelCount: models.count)
    var survey = Survey(context, kernels: kernels, prefix: prefix, ownStore: store)
    let values = try survey.values(of: needed, for: transform.name, missing)
    add(survey, store)
    for task in missing {
      for model in models { known[model][task.ordinal] = values[model][task.ordinal] }
      context.work.didFind(
        models.flatMap { values[$0][task.ordinal] ?? [] }, unit: firstUnit + task.ordinal)
    }
    return known
  }

  private mutating func add(_ survey: Survey, _ store: SpectrumStore) {
    var taken = survey.passes
    if !taken.isEmpty { taken[0].bytesSpilled = store.byteCount }
    passes += taken
    statisticsByteCount += store.byteCount
  }
}

extension MergePlan {
  /// The tensors that a transform of a scope acts on.
  func tasks(in scope: TransformScope) -> [TensorTask] {
    tasks.filter { $0.role == .linear || ($0.role == .dense && scope == .all) }
  }

  /// The built-in chain of the last pass, with an operator of one's own in its place.
  func chain(cuts: CutTable) -> MergeChain {
    let models = recipe.models
    let settings = settings
    var chain = recipe.method.chain(
      cuts: cuts, amplification: models.map(\.amplification),
      weights: models.indices.map { model in { settings.weight(of: $0, model: model) } },
      fusesMask: recipe.stages.transforms(behind: .mask).isEmpty)
    if let merging = recipe.stages.merging {
      if recipe.method.nonLinear == .merge { chain.dense.rule = merging.stage }
      chain.linear.rule = merging.stage
    }
    return chain
  }
}
