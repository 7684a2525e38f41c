public import SluiceRecipe
internal import SluiceArchitecture
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
  /// The passes, in the order in which they run.
  package let passes: [any TensorPass]
  /// How the byte budget is spent.
  package let memory: MemoryPlan
  /// The models that come from stores.
  let stored: StoredModels
  /// How chunks come from reading to working.
  package let readEdge: ReadEdge
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
  /// The small files beside the base's weights.
  let companions: ModelCompanions

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
    let inputs = try RecipeInputs(recipe.resolvingHubNames())
    let recipe = inputs.recipe
    coefficients = inputs.coefficients
    let base = try SourceModel.open(name: "base", path: recipe.base, firstFile: 0)
    var firstFile = base.checkpoint.files.count
    var models: [SourceModel] = []
    for model in recipe.models {
      let source = try SourceModel.open(
        name: model.name, path: model.path, firstFile: firstFile,
        renamings: try RecipeCheck.renamings(recipe), base: base)
      firstFile += source.checkpoint.files.count
      models.append(source)
    }
    let configWarnings = try ConfigCheck.warnings(models, base: base)
    var matcher = TensorMatcher(recipe: recipe, base: base, models: models)
    let drafts = try matcher.drafts()
    layout = try ShardLayout.plan(
      MergePlan.outputTensors(drafts),
      shardByteLimit: recipe.method.shardSize.bytes)
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
    var edge = ReadEdge(options.edges, exceedsCache: inputsExceedCache)
    (passes, memory) = try MergePlan.fit(spillInputs, coefficients, &spill, &edge)
    readEdge = edge
    self.spill = spill
    granularity = Granularity(
      stripElements: options.stripElements, chunkElements: memory.chunkElements)
    firstFiles = ([base] + models).map(\.firstFile)
    config = MergedConfig.make(
      base, recipe: recipe, untiesHead: matcher.untiesHead, drafts: drafts)
    let embedding = base.embeddingName
    let vocabulary = try VocabularyCheck(
      recipe, base: base, models: models,
      rows: drafts.first { $0.name == embedding }?.shape.dimensions.first,
      baseRows: embedding.flatMap { base.catalog[$0]?.entry.shape.dimensions.first })
    companions = try ModelCompanions(
      of: recipe.base, tokenizerSource: vocabulary.tokenizerSource)
    let fileWarnings = ([base] + models).flatMap { model in
      model.checkpoint.warnings.map { warning in
        var subject = warning.subject
        subject.model = model.name
        return Warning(warning.kind, subject: subject, message: warning.message)
      }
    }
    warnings =
      fileWarnings + matcher.warnings + configWarnings + PrunedShare.warnings(recipe, tasks)
      + RecipeCheck.warnings(recipe) + inputs.warnings + solve.warnings
      + vocabulary.warnings + companions.warnings
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
          && task.base.dtype.isMergeable && task.part.kind != .rotary)
      return sum + (isWeight ? task.baseElementCount : 0)
    }
    self.recipe = recipe
    self.options = options
  }

  /// What the memory of the run depends on.
  var memoryShape: MemoryPlan.Shape {
    MemoryPlan.Shape(
      tasks, recipe: recipe, partitionCount: settings.partitionCount, passes: passes,
      stripElements: options.stripElements, frames: MemoryPlan.FrameUse(spill, stored),
      edge: readEdge)
  }

  /// Makes the passes, and fits them into the budget; reading ahead and a spill that nobody asked for
  /// give way.
  private static func fit(
    _ inputs: SpillPlan.Inputs, _ coefficients: CoefficientTable?, _ spill: inout SpillPlan,
    _ edge: inout ReadEdge
  ) throws(PipelineError) -> ([any TensorPass], MemoryPlan) {
    func fit() throws(PipelineError) -> ([any TensorPass], MemoryPlan) {
      let passes = PassList.passes(
        PassInputs(
          recipe: inputs.recipe, settings: inputs.settings, coefficients: coefficients,
          spill: spill, stored: inputs.stored), inputs.tasks)
      let memory = try MemoryPlan.fit(
        MemoryPlan.Shape(
          inputs.tasks, recipe: inputs.recipe, partitionCount: inputs.settings.partitionCount,
          passes: passes, stripElements: inputs.options.stripElements,
          frames: MemoryPlan.FrameUse(spill, inputs.stored), edge: edge), inputs.options)
      return (passes, memory)
    }
    do throws(PipelineError) {
      return try fit()
    } catch {
      if edge.isQueued, inputs.options.edges == .auto {
        edge.fuse("the memory budget has no room for chunks that wait")
        return try MergePlan.fit(inputs, coefficients, &spill, &edge)
      }
      guard spill.isOn, inputs.options.spill == .auto else { throw error }
      spill.turnOff("the memory budget has no room for packing")
      return try fit()
    }
  }

  /// The tensors of the output: layers of a stack make one together.
  private static func outputTensors(_ drafts: [TensorDraft]) -> [PlannedTensor] {
    drafts.compactMap { draft in
      guard let stack = draft.stack else {
        return PlannedTensor(name: draft.name, dtype: draft.outputDType, shape: draft.shape)
      }
      guard stack.index == 0 else { return nil }
      return PlannedTensor(name: stack.tensor, dtype: draft.outputDType, shape: stack.shape)
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
      guard let place = places[draft.stack?.tensor ?? draft.name] else { continue }
      let inside =
        (draft.stack?.index ?? 0) * draft.shape.elementCount * (draft.outputDType.byteCount ?? 1)
      let task = TensorTask(
        ordinal: tasks.count, name: draft.name, role: draft.role,
        elementCount: draft.shape.elementCount,
        base: draft.base, baseElementCount: draft.baseElementCount, fineTuned: draft.fineTuned,
        fineTunedElementCounts: draft.fineTunedElementCounts,
        outputDType: draft.outputDType, outputShard: place.shard,
        outputOffset: place.offset + inside, firstStrip: firstStrip,
        columnCount: draft.shape.dimensions.last, dimensions: draft.shape.dimensions,
        part: draft.part, stack: draft.stack)
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

  /// The passes over tensors, in order; F32 weights need further looks at some of them.
  package var passNames: [String] { passes.filter { !$0.isConditional }.map(\.name) }

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
      let base = task.base.byteCount(ofElements: task.baseElementCount)
      return zip(task.fineTuned, task.fineTunedElementCounts).reduce(sum + base) { sum, source in
        sum + (source.0?.byteCount(ofElements: source.1) ?? 0)
      }
    }
  }
}
