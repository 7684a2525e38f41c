internal import SluiceRecipe
internal import SluiceCore
internal import SluiceDataflow
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages
internal import Synchronization

/// Pass 1 and the barrier: counts the deltas of all linear layers, and finds each layer's rates.
///
/// Deltas of F32 weights are counted in bins first; a further pass over just those tensors looks into
/// the bins that a threshold falls into. 16-bit weights never need it.
struct Survey {
  private struct Key: Hashable, Sendable {
    let task: Int
    let model: Int
  }

  /// What a question is about: a linear layer of one model, or several tensors as one.
  struct Layer: Sendable {
    /// The tensor; several if they are looked at as one.
    let tasks: [TensorTask]
    let position: Int
    let model: Int
  }

  let context: RunContext
  let store: HistogramStore
  let kernels: Kernels
  /// What is done to the deltas before they are counted.
  let prefix: TransformChain
  /// What is kept of the tensors while they are counted.
  var repacking: Repacking?
  private(set) var passes: [PassMetrics] = []

  /// Whether finished strips are recorded, as those of the first survey are.
  ///
  /// What comes after it is quick to count again, or depends on more than the journal knows.
  private let isJournaled: Bool

  init(
    _ context: RunContext, store: HistogramStore, kernels: Kernels,
    prefix: TransformChain = .empty, isJournaled: Bool = false
  ) {
    self.context = context
    self.store = store
    self.kernels = kernels
    self.prefix = prefix
    self.isJournaled = isJournaled
  }

  var plan: MergePlan { context.plan }
  private var work: MergeWork { context.work }
  private var modelNames: [String] { plan.recipe.models.map(\.name) }

  /// Counts the deltas of all linear layers and gives each layer's statistics and cuts.
  mutating func run() throws -> (statistics: LayerStatistics, cuts: CutTable) {
    let linear = plan.linearTasks
    try count("survey", linear)
    let statistics = try significance(of: linear)
    return (statistics, try cuts(of: linear, statistics))
  }

  /// Counts the deltas of tensors.
  ///
  /// - Parameters:
  ///   - name: The name of the pass.
  ///   - tasks: The tensors.
  ///   - keptWhole: Tensors among them that are not counted, only looked at again.
  /// - Throws: What keeps them from being counted.
  mutating func count(
    _ name: String, _ tasks: [TensorTask], keptWhole: [TensorTask] = []
  ) throws {
    let whole = Set(keptWhole.flatMap { plan.strips(of: $0) })
    guard !tasks.isEmpty else { return }
    let (work, isJournaled) = (work, isJournaled)
    let isFinished: @Sendable (Int) -> Bool = {
      isJournaled && (work.isSurveyed($0) || whole.contains($0))
    }
    let inFileOrder = tasks.sorted { $0.ordinal < $1.ordinal }
    try pass(name, inFileOrder, isFinished: isFinished, repacking: repacking) {
      [store, kernels, modelCount = modelNames.count, hasTransforms = !prefix.isEmpty] in
      SurveySink(
        modelCount: modelCount, store: store, hasTransforms: hasTransforms, kernels: kernels)
    }
  }

  /// Answers a question about every tensor or group of tensors of every model, looking into bins
  /// where it must.
  ///
  /// - Returns: For each model, the answers in the order of the groups.
  mutating func resolve<Answer: Sendable>(
    _ name: String, _ groups: [[TensorTask]],
    _ answer:
      @escaping @Sendable (Layer, MagnitudeHistogram, [MagnitudeHistogram]) -> Result<
        Answer, UnresolvedBins
      >
  ) throws -> [[Answer]] {
    var answers: [[Answer?]] = modelNames.map { _ in groups.map { _ in nil } }
    var pending = groups.enumerated().flatMap { position, tasks in
      modelNames.indices.map { Layer(tasks: tasks, position: position, model: $0) }
    }
    while !pending.isEmpty {
      let results = try ask(pending, answer)
      var requests: [Key: BinRequest] = [:]
      var next: [Layer] = []
      for (layer, result) in zip(pending, results) {
        switch result {
        case .success(let known): answers[layer.model][layer.position] = known
        case .failure(let unresolved):
          for task in layer.tasks {
            requests[Key(task: task.ordinal, model: layer.model)] = unresolved.request
          }
          next.append(layer)
        }
      }
      try refine(name, Array(groups.joined()), requests)
      pending = next
    }
    return answers.map { $0.compactMap(\.self) }
  }

  /// Reads the histograms of layers and asks about them, on all lanes.
  private func ask<Answer: Sendable>(
    _ layers: [Layer],
    _ answer:
      @escaping @Sendable (Layer, MagnitudeHistogram, [MagnitudeHistogram]) -> Result<
        Answer, UnresolvedBins
      >
  ) throws -> [Result<Answer, UnresolvedBins>] {
    typealias Outcome = Result<Answer, UnresolvedBins>
    let results = Mutex([Outcome?](repeating: nil, count: layers.count))
    let next = Atomic<Int>(0)
    let graph = Graph(cancellation: context.cancellation)
    for lane in 1...plan.memory.lanes {
      graph.add("barrier \(lane)", .source) { [store, plan] node in
        while true {
          let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < layers.count else { return }
          try node.cancellation.check()
          let layer = layers[index]
          let strips = layer.tasks.flatMap { Array(plan.strips(of: $0)) }
          // Only of a single tensor must its strips be known apart.
          let needsParts = layer.tasks.count == 1 && strips.count > 1
          var whole = MagnitudeHistogram([])
          var parts: [MagnitudeHistogram] = []
          for strip in strips {
            let part = try store.histogram(strip: strip, model: layer.model)
            whole.merge(part)
            if needsParts { parts.append(part) }
          }
          let result = answer(layer, whole, parts)
          results.withLock { $0[index] = result }
        }
      }
    }
    try graph.run()
    return results.withLock { $0.compactMap(\.self) }
  }

  private mutating func refine(
    _ name: String, _ tasks: [TensorTask], _ requests: [Key: BinRequest]
  ) throws {
    guard !requests.isEmpty else { return }
    let wanted = Set(requests.keys.map(\.task))
    // From the end, where the page cache still holds what was read last.
    let tasks = tasks.filter { wanted.contains($0.ordinal) }.sorted { $0.ordinal > $1.ordinal }
    let finished = try refinedStrips(tasks, requests)
    let spilled = repacking?.packed { requests[Key(task: $0.ordinal, model: $1)] ?? BinRequest() }
    try pass(
      name, tasks, isFinished: { finished.contains($0) }, isRefining: true, spilled: spilled
    ) { [store, kernels, modelCount = modelNames.count] in
      RefineSink(modelCount: modelCount, store: store, kernels: kernels) { strip, model in
        requests[Key(task: strip.task.ordinal, model: model)] ?? BinRequest()
      }
    }
  }

  /// The strips whose bins an earlier attempt has looked into already.
  private func refinedStrips(
    _ tasks: [TensorTask], _ requests: [Key: BinRequest]
  ) throws -> Set<Int> {
    var finished: Set<Int> = []
    guard isJournaled else { return finished }
    for task in tasks {
      for strip in plan.strips(of: task) where work.earlier.refined.contains(strip) {
        let isResolved = try modelNames.indices.allSatisfy { model in
          let bins = requests[Key(task: task.ordinal, model: model)]?.bins ?? []
          guard !bins.isEmpty else { return true }
          let entries = try store.histogram(strip: strip, model: model).entries
          return !entries.contains { $0.span > 1 && bins.contains($0.bits) }
        }
        if isResolved { finished.insert(strip) }
      }
    }
    return finished
  }

  private mutating func pass(
    _ name: String, _ tasks: [TensorTask], isFinished: @escaping @Sendable (Int) -> Bool,
    isRefining: Bool = false, repacking: Repacking? = nil, spilled: SpilledModels? = nil,
    _ makeSink: @escaping @Sendable () -> any TileSink
  ) throws {
    context.progress.startPhase(
      name, totalBytes: MergePlan.inputByteCount(tasks) + (repacking?.inputByteCount ?? 0),
      doneBytes: tasks.reduce(0) { sum, task in
        plan.strips(task).filter { isFinished($0.ordinal) }.reduce(sum) { $0 + $1.inputByteCount }
      })
    var pass = LanePass(
      name: name, tasks: tasks, context: context, isFinished: isFinished, kernels: kernels,
      transforms: prefix)
    pass.repacking = repacking
    // The first survey has the histograms of stored models, and counts the others as they are.
    if isJournaled, !isRefining { pass.context.packed = .leftOut(plan.stored.positions) }
    if let spilled {
      pass.context.packed = .unpacked(PackedModels(stored: plan.stored, spilled: spilled), kernels)
    }
    let (work, isJournaled) = (work, isJournaled)
    let didEnd: @Sendable (Strip) -> Void = {
      if isJournaled { work.didSurvey($0, isRefined: isRefining) }
    }
    passes.append(try pass.run(didEnd: didEnd, makeSink))
    context.progress.finishPhase()
  }
}

extension MergePlan {
  /// The ordinals of a tensor's strips.
  func strips(of task: TensorTask) -> Range<Int> {
    task.firstStrip..<(task.firstStrip + granularity.stripCount(of: task.elementCount))
  }
}
