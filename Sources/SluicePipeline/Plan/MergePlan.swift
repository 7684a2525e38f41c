public import SluiceRecipe
internal import SluiceAdapters
package import SluiceCore
package import SluiceFormats
internal import SluiceMethods
package import SluiceStages

/// A recipe with everything about its models looked up and checked: what is read, what is done with
/// each tensor, and where every byte goes, before the first is written.
public struct MergePlan: Sendable {
  /// What was asked for.
  package let recipe: MergeRecipe
  /// How it is to be run.
  package let options: RunOptions
  /// The tensors of the merged model, in natural order of their names.
  package let tasks: [TensorTask]
  /// The ordinals of the linear layers, in byte order of their names.
  private let linearOrdinals: [Int]
  /// The input files, by ordinal.
  package internal(set) var files: [InputFile]
  /// The ordinal of each model's first input file, the base's before the fine-tuned models'.
  let firstFiles: [Int]
  /// The files of the merged model.
  package let layout: ShardLayout
  /// How the byte budget is spent.
  package let memory: MemoryPlan
  /// What computes the deltas of adapters, if there are any.
  let deltas: AdapterDeltas?
  /// What computing them takes.
  let factors: FactorNeed
  /// Whether each model is the base with adapters.
  let isAdapterAlone: [Bool]
  /// What was found of each model's adapters.
  let adapters: [[AppliedAdapter]]
  /// The models that come from stores.
  let stored: StoredModels
  /// Whether pass 2 reads the models again or what pass 1 kept of them.
  package let spill: SpillPlan
  /// The sizes in which tensors are cut.
  package let granularity: Granularity
  /// Whether the inputs are larger than what the page cache can hold of them, on this machine or in
  /// the control group of the process.
  let inputsExceedCache: Bool
  /// The number of strips of all tensors.
  package let stripCount: Int
  /// What was skipped, converted or guessed.
  package let warnings: [Warning]
  /// The number of deltas of a model: of all its tensors of weights.
  package let deltaCount: Int
  /// What each tensor's deltas are multiplied by, if the method reads that from a file.
  let coefficients: CoefficientTable?
  /// The layers that are solved for before the merge.
  let solve: SolvePlan
  /// The norms of inputs, one file for each model, if the method reads them.
  let activations: [VectorFile]
  /// The numbers that may differ from tensor to tensor.
  let settings: TensorSettings
  /// The base model's config, changed where the merged model differs; nil if there is none.
  package let config: [UInt8]?

  /// Looks at the models of a recipe and plans the merge.
  ///
  /// Reads headers and writes nothing.
  ///
  /// - Parameters:
  ///   - recipe: What is asked for.
  ///   - options: How it is to be run.
  /// - Throws: `PipelineError` or `FormatError` if the models do not fit together or are broken.
  public init(_ recipe: MergeRecipe, options: RunOptions) throws {
    try self.init(recipe, options: options, storing: nil)
  }

  /// Plans a merge, or the making of a store.
  init(_ recipe: MergeRecipe, options: RunOptions, storing spillOfStore: SpillPlan?) throws {
    try RecipeCheck.check(recipe)
    let inputs = try RecipeInputs(recipe)
    let recipe = inputs.recipe
    coefficients = inputs.coefficients
    let base = try SourceModel.open(name: "base", path: recipe.base, firstFile: 0)
    var firstFile = base.checkpoint.files.count
    var models: [SourceModel] = []
    for model in recipe.models {
      let source = try SourceModel.open(
        model, base: base, recipe: recipe, firstFile: firstFile)
      firstFile += source.checkpoint.files.count
      models.append(source)
    }
    var matcher = TensorMatcher(recipe: recipe, base: base, models: models)
    let drafts = try matcher.drafts()
    layout = try ShardLayout.plan(
      drafts.map { PlannedTensor(name: $0.name, dtype: $0.outputDType, shape: $0.shape) },
      shardByteLimit: recipe.shardSize.bytes)
    let (planned, stripCount) = MergePlan.tasks(
      drafts, layout, stripElements: options.stripElements)
    self.stripCount = stripCount
    files = ([base] + models).flatMap { $0.checkpoint.files.map(\.input) }
    solve = try SolvePlan(recipe, tasks: planned, solvedFile: files.count)
    tasks = solve.tasks
    linearOrdinals = MergePlan.linearOrdinals(tasks)
    settings = TensorSettings(recipe, tasks: tasks)
    try RecipeCheck.check(recipe, partitionCount: settings.leastPartitionCount)
    inputsExceedCache = MergePlan.exceedCache(files)
    let spillInputs = SpillPlan.Inputs(
      recipe: recipe, settings: settings, tasks: tasks, options: options,
      stored: StoredModels(stores: models.map(\.store)),
      inputsExceedCache: inputsExceedCache, files: files,
      freeByteCount: options.spillPlace.flatMap {
        try? FileSystem.freeByteCount(at: PlanExplanation.nearestDirectory(to: $0))
      })
    stored = spillInputs.stored
    try stored.check(tasks, recipe, files, needed: SpillPlan.need(spillInputs))
    var spill = try spillOfStore ?? SpillPlan(spillInputs)
    factors = FactorNeed(matcher.computed)
    memory = try MergePlan.memory(
      spillInputs, partitionCount: settings.partitionCount, factors: factors, &spill)
    if let room = memory.factorRoom {
      deltas = AdapterDeltas(matcher.computed, files: files, room: room)
    } else {
      deltas = nil
    }
    adapters = models.map(\.adapters)
    isAdapterAlone = models.map(\.isAdapterAlone)
    self.spill = spill
    granularity = Granularity(
      stripElements: options.stripElements, chunkElements: memory.chunkElements)
    firstFiles = ([base] + models).map(\.firstFile)
    config = MergedConfig.make(
      base, recipe: recipe, untiesHead: matcher.untiesHead, drafts: drafts)
    warnings =
      matcher.warnings + models.flatMap(\.adapterWarnings) + RecipeCheck.warnings(recipe)
      + inputs.warnings + solve.warnings
      + (try ModelCompanions.warnings(of: recipe.base))
    let baseFileCount = base.checkpoint.files.count
    activations = try recipe.models.compactMap { model in
      try model.extraFiles[.activations].map { try VectorFile($0) }
    }
    for (model, file) in zip(recipe.models, activations) {
      try file.checkVectors(of: tasks.filter { $0.role == .linear }, model: model.name)
    }
    deltaCount = tasks.reduce(0) { sum, task in
      let isWeight =
        task.role != .copied
        || (recipe.method.nonLinear == .base && task.base.file < baseFileCount
          && task.base.dtype.isMergeable && !LinearSet.isRotaryBuffer(task.name))
      return sum + (isWeight ? task.baseElementCount : 0)
    }
    self.recipe = recipe
    self.options = options
  }

  /// What the run does with frames.
  var frameUse: MemoryPlan.FrameUse { MemoryPlan.FrameUse(spill, stored) }

  /// Fits the run into its budget; a spill that nobody asked for gives way.
  private static func memory(
    _ spillInputs: SpillPlan.Inputs, partitionCount: Int, factors: FactorNeed,
    _ spill: inout SpillPlan
  ) throws(PipelineError) -> MemoryPlan {
    func fit() throws(PipelineError) -> MemoryPlan {
      try MemoryPlan.fit(
        spillInputs.tasks, recipe: spillInputs.recipe, partitionCount: partitionCount,
        options: spillInputs.options,
        frames: MemoryPlan.FrameUse(spill, spillInputs.stored), factors: factors)
    }
    do throws(PipelineError) {
      return try fit()
    } catch {
      guard spill.isOn, spillInputs.options.spill == .auto else { throw error }
      spill.turnOff("the memory budget has no room for packing")
      return try fit()
    }
  }

  private static func tasks(
    _ drafts: [TensorDraft], _ layout: ShardLayout, stripElements: Int
  ) -> ([TensorTask], Int) {
    var places: [String: (shard: Int, offset: Int)] = [:]
    for (ordinal, shard) in layout.shards.enumerated() {
      for tensor in shard.tensors { places[tensor.name] = (ordinal, tensor.byteRange.lowerBound) }
    }
    let cutting = Granularity(
      stripElements: stripElements, chunkElements: Granularity.grainElements)
    var tasks: [TensorTask] = []
    var firstStrip = 0
    for draft in drafts.sorted(by: { NaturalOrder.isOrderedBefore($0.name, $1.name) }) {
      guard let place = places[draft.name] else { continue }
      let task = TensorTask(
        ordinal: tasks.count, name: draft.name, role: draft.role,
        elementCount: draft.shape.elementCount,
        base: draft.base, baseElementCount: draft.baseElementCount, fineTuned: draft.fineTuned,
        fineTunedElementCounts: draft.fineTunedElementCounts,
        outputDType: draft.outputDType, outputShard: place.shard,
        outputOffset: place.offset, firstStrip: firstStrip,
        columnCount: draft.shape.dimensions.last, dimensions: draft.shape.dimensions)
      tasks.append(task)
      firstStrip += cutting.stripCount(of: task.elementCount)
    }
    return (tasks, firstStrip)
  }

  /// The linear layers, in byte order of their names: the order of rates and reports.
  package var linearTasks: [TensorTask] { linearOrdinals.map { tasks[$0] } }

  /// Sorted once, since many ask for them, and a model may have ten thousands.
  private static func linearOrdinals(_ tasks: [TensorTask]) -> [Int] {
    tasks.indices.filter { tasks[$0].role == .linear }
      .sorted { tasks[$0].name.utf8.lexicographicallyPrecedes(tasks[$1].name.utf8) }
  }

  /// Checks that no input file has changed since it was opened.
  func checkInputs() throws {
    for file in files { try file.checkUnchanged() }
  }

  /// The tensors whose deltas are merged by the recipe's operator, in the order of reading.
  var electedTasks: [TensorTask] {
    tasks.filter {
      $0.role == .linear || ($0.role == .dense && recipe.method.nonLinear == .merge)
    }
  }

  /// The passes over tensors, in order; F32 weights need further looks at some of them.
  package var passNames: [String] { recipe.method.needs.passes }

  private static func exceedCache(_ files: [InputFile]) -> Bool {
    guard let available = ProcessMemory.availableByteCount else { return true }
    let cache = min(available, ControlGroup.memoryLimit ?? available)
    return files.reduce(0) { $0 + $1.byteCount } > cache / 10 * 7
  }

  /// The bytes that a pass over tensors reads.
  ///
  /// - Parameter tasks: The tensors.
  /// - Returns: The number of bytes of all models.
  package static func inputByteCount(_ tasks: [TensorTask]) -> Int {
    tasks.reduce(0) { sum, task in
      let base = task.baseElementCount * (task.base.dtype.byteCount ?? 1)
      return zip(task.fineTuned, task.fineTunedElementCounts).reduce(sum + base) {
        $0 + ($1.0?.readWidth ?? 0) * $1.1
      }
    }
  }
}
