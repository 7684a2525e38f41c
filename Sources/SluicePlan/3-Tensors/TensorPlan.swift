package import SluiceAdapters
internal import SluiceArchitecture
package import SluiceCore
package import SluiceDataflow
package import SluiceFormats
internal import SluiceMethods
package import SluiceRecipe
package import SluiceStages

/// What any run over tensors is made of, a merge's as well as that of a store or a survey: where the
/// tensors lie, the passes over them, and how memory and disk are spent.
package struct TensorPlan: Sendable {
  /// What was asked for.
  package let request: TensorRequest
  /// How it is to be run.
  package let options: RunOptions
  /// The tensors, in natural order of their names; of a share those that it has something of.
  package private(set) var tasks: [TensorTask]
  /// The number of all tensors of the model.
  package let taskCount: Int
  /// The positions of the tensors, in byte order of their names.
  package private(set) var nameOrder: [Int]
  /// The linear layers, in byte order of their names: the order of rates and reports.
  package private(set) var linearTasks: [TensorTask]
  /// The strips that are merged, if they are not all of those of the tensors.
  private(set) var ownStrips: Set<Int>?
  /// The input files, by ordinal.
  package var files: [InputFile]
  /// The ordinal of each model's first input file, the base's before the fine-tuned models'.
  package let firstFiles: [Int]
  /// The files of a checkpoint of the tensors.
  package let layout: ShardLayout
  /// The number of strips of all tensors.
  package let stripCount: Int
  /// What computes the deltas of adapters, if there are any.
  package let deltas: AdapterDeltas?
  /// Whether each model is the base with adapters.
  package let isAdapterAlone: [Bool]
  /// What was found of each model's adapters.
  package let adapters: [[AppliedAdapter]]
  /// The models that come from stores.
  package let stored: StoredModels
  /// The passes, in the order in which they run.
  package let passes: [any TensorPass]
  /// How the byte budget is spent.
  package let memory: MemoryPlan
  /// What the memory depends on.
  let memoryShape: MemoryPlan.Shape
  /// How chunks come from reading to working.
  package let readEdge: ReadEdge
  /// How files are read.
  package let input: InputChoice
  /// Whether later passes read the models again or what the first one kept of them.
  package let spill: SpillPlan
  /// The rate that was asked for of a tensor and a model.
  package let requestedRate: @Sendable (TensorTask, Int) -> PruningRate
  /// The sizes in which tensors are cut.
  package let granularity: Granularity
  /// Whether the inputs are larger than what the page cache can hold of them.
  package let inputsExceedCache: Bool

  /// What lanes hold beside chunks and the tables of passes.
  package struct LaneNeeds {
    /// The most partitions that a rate has.
    package var partitionCount = 1
    /// The transforms that are not the program's own.
    package var transforms: [any DeltaTransform] = []
    /// The operator, if it is not the program's own.
    package var merging: (any MergeOperator)?
    /// What the program's own stages hold that look at rows.
    var rows: ChainBytes?

    package init(
      partitionCount: Int = 1, transforms: [any DeltaTransform] = [],
      merging: (any MergeOperator)? = nil
    ) {
      self.partitionCount = partitionCount
      self.transforms = transforms
      self.merging = merging
    }
  }

  /// Makes the passes, and fits them into the budget; reading ahead and a spill that nobody asked for
  /// give way.
  ///
  /// - Parameters:
  ///   - sources: The opened models.
  ///   - tasks: Their tensors; others than those of the sources where a pass makes some anew.
  ///   - options: How it is to be run.
  ///   - spill: What the first pass is to keep.
  ///   - needs: What lanes hold beside chunks and tables.
  ///   - requestedRate: The rate that was asked for of a tensor and a model.
  ///   - makePasses: Makes the passes, once it is known whether anything is kept.
  /// - Throws: `PipelineError` if the budget is too small.
  package init(
    _ sources: TensorSources, tasks: [TensorTask], options: RunOptions, spill: SpillPlan,
    needs: LaneNeeds, requestedRate: @escaping @Sendable (TensorTask, Int) -> PruningRate,
    passes makePasses: (SpillPlan) -> [any TensorPass]
  ) throws(PipelineError) {
    try self.init(
      Basis(sources, taskCount: tasks.count), tasks: tasks, options: options, spill: spill,
      needs: needs, requestedRate: requestedRate, passes: makePasses)
  }

  /// What a plan stands on, whether models were looked at just now or it was noted before.
  struct Basis {
    let request: TensorRequest
    let files: [InputFile]
    let firstFiles: [Int]
    let layout: ShardLayout
    let stripCount: Int
    let taskCount: Int
    let stored: StoredModels
    let adapters: [[AppliedAdapter]]
    let isAdapterAlone: [Bool]
    let inputsExceedCache: Bool
    let computed: [AdapterTensor]
  }

  /// The same for whatever it stands on.
  init(
    _ sources: Basis, tasks: [TensorTask], options: RunOptions, spill: SpillPlan,
    needs: LaneNeeds, requestedRate: @escaping @Sendable (TensorTask, Int) -> PruningRate,
    passes makePasses: (SpillPlan) -> [any TensorPass]
  ) throws(PipelineError) {
    request = sources.request
    self.options = options
    self.tasks = tasks
    taskCount = sources.taskCount
    nameOrder = TensorPlan.nameOrder(tasks)
    linearTasks = nameOrder.lazy.map { tasks[$0] }.filter { $0.role == .linear }
    files = sources.files
    firstFiles = sources.firstFiles
    layout = sources.layout
    stripCount = sources.stripCount
    stored = sources.stored
    adapters = sources.adapters
    isAdapterAlone = sources.isAdapterAlone
    self.requestedRate = requestedRate
    inputsExceedCache = sources.inputsExceedCache
    input = InputChoice(options.io, exceedsCache: inputsExceedCache, files: sources.files)
    var (spill, edge) = (
      spill, ReadEdge(options.edges, input: input.mode, exceedsCache: inputsExceedCache)
    )
    let factors = FactorNeed(sources.computed)
    while true {
      let passes = makePasses(spill)
      let shape = MemoryPlan.Shape(
        tasks, modelCount: sources.request.models.count, needs: needs, passes: passes,
        stripElements: options.stripElements, frames: MemoryPlan.FrameUse(spill, sources.stored),
        input: input.mode, edge: edge, factors: factors, memory: options.memory.bytes)
      do throws(PipelineError) {
        memory = try MemoryPlan.fit(shape, options)
        (self.passes, memoryShape) = (passes, shape)
        break
      } catch {
        if edge.isQueued, options.edges == .auto {
          edge.fuse("the memory budget has no room for chunks that wait")
        } else if spill.isOn, !spill.isStore, options.spill == .auto {
          spill.turnOff("the memory budget has no room for packing")
        } else {
          throw error
        }
      }
    }
    (self.spill, readEdge) = (spill, edge)
    deltas = memory.factorRoom.map {
      AdapterDeltas(sources.computed, files: sources.files, room: $0)
    }
    granularity = Granularity(
      stripElements: options.stripElements, chunkElements: memory.chunkElements)
  }

  /// The names of the fine-tuned models.
  package var modelNames: [String] { request.models.map(\.name) }
  /// The number of fine-tuned models.
  package var modelCount: Int { request.models.count }

  /// Sorted once, since many ask for them, and a model may have ten thousands.
  private static func nameOrder(_ tasks: [TensorTask]) -> [Int] {
    // In files they mostly lie in this order: what is in order takes one look.
    let places = tasks.map { $0.base.byteRange.lowerBound }
    var names = NameList(room: tasks.count)
    for task in tasks { names.append(task.name) }
    return names.byteOrder(of: tasks.indices.sorted { places[$0] < places[$1] })
  }

  /// The plan of a part of the work: passes look at its tensors only, and its strips are merged.
  ///
  /// - Parameter share: The part.
  /// - Returns: The plan; tensors and strips have the numbers that they have in the whole.
  package func doing(_ share: ShareCut.Share) -> TensorPlan {
    var plan = self
    plan.tasks = share.tasks.map { tasks[$0] }
    plan.nameOrder = TensorPlan.nameOrder(plan.tasks)
    plan.linearTasks = plan.nameOrder.lazy.map { plan.tasks[$0] }.filter { $0.role == .linear }
    plan.ownStrips = Set(share.strips)
    return plan
  }

  /// The same plan, of whose strips only some are merged.
  func merging(_ strips: [Int]) -> TensorPlan {
    var plan = self
    plan.ownStrips = Set(strips)
    return plan
  }

  /// A tensor by its number; nil if the plan does not have it.
  package func task(_ ordinal: Int) -> TensorTask? {
    var range = tasks.indices
    while let middle = range.isEmpty ? nil : (range.lowerBound + range.upperBound) / 2 {
      let task = tasks[middle]
      if task.ordinal == ordinal { return task }
      range = task.ordinal < ordinal ? middle + 1..<range.upperBound : range.lowerBound..<middle
    }
    return nil
  }

  /// Checks that no input file has changed since it was opened.
  package func checkInputs() throws {
    for file in files { try file.checkUnchanged() }
  }

  /// How an edge with chunks is crossed.
  package var chunkContract: EdgeContract { readEdge.contract(chunkBytes: memory.chunkBytes) }

  /// The lowest rate that a tensor of a model may come to have; nothing is kept below it.
  package func lowestRate(of task: TensorTask, model: Int) -> Double {
    spill.lowestRate(requested: requestedRate(task, model))
  }
}

extension TensorPlan.Basis {
  /// What was found of models.
  init(_ sources: TensorSources, taskCount: Int) {
    self.init(
      request: sources.request, files: sources.files, firstFiles: sources.firstFiles,
      layout: sources.layout, stripCount: sources.stripCount, taskCount: taskCount,
      stored: sources.stored, adapters: sources.models.map(\.adapters),
      isAdapterAlone: sources.models.map(\.isAdapterAlone),
      inputsExceedCache: sources.inputsExceedCache, computed: sources.computed)
  }
}
