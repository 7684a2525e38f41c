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
  let store: SpectrumStore
  let kernels: Kernels
  /// What is done to the deltas before they are counted.
  let transforms: [any DeltaTransform]
  private(set) var passes: [PassMetrics] = []
  private(set) var inputByteCount = 0

  init(
    _ context: RunContext, store: SpectrumStore, kernels: Kernels,
    transforms: [any DeltaTransform] = []
  ) {
    self.context = context
    self.store = store
    self.kernels = kernels
    self.transforms = transforms
  }

  var plan: MergePlan { context.plan }
  private var modelNames: [String] { plan.recipe.models.map(\.name) }

  /// Counts the deltas of all linear layers and gives each layer's statistics and cuts.
  mutating func run() throws -> (statistics: LayerStatistics, cuts: CutTable) {
    let linear = plan.linearTasks
    try count("survey", linear)
    let statistics = try significance(of: linear)
    return (statistics, try cuts(of: linear, statistics))
  }

  /// Counts the deltas of tensors.
  mutating func count(_ name: String, _ tasks: [TensorTask]) throws {
    guard !tasks.isEmpty else { return }
    try pass(name, tasks.sorted { $0.ordinal < $1.ordinal }) { segment in
      SurveySegment(
        modelNames: segment.modelNames, store: segment.store, kernels: segment.kernels,
        transforms: segment.transforms)
    }
  }

  /// Answers a question about every tensor or group of tensors of every model, looking into bins
  /// where it must.
  ///
  /// - Returns: For each model, the answers in the order of the groups.
  mutating func resolve<Answer: Sendable>(
    _ name: String, _ groups: [[TensorTask]],
    _ answer: @escaping @Sendable (Layer, Spectrum, [Spectrum]) -> Result<Answer, UnresolvedBins>
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

  /// Reads the spectra of layers and asks about them, on all lanes.
  private func ask<Answer: Sendable>(
    _ layers: [Layer],
    _ answer: @escaping @Sendable (Layer, Spectrum, [Spectrum]) -> Result<Answer, UnresolvedBins>
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
          var whole = Spectrum([])
          var parts: [Spectrum] = []
          for strip in strips {
            let part = try store.spectrum(strip: strip, model: layer.model)
            if whole.entries.isEmpty { whole = part } else { whole.merge(part) }
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
    try pass(name, tasks) { segment in
      RefineSegment(
        modelNames: segment.modelNames, store: segment.store, kernels: segment.kernels,
        transforms: segment.transforms
      ) { strip, model in
        requests[Key(task: strip.task.ordinal, model: model)] ?? BinRequest()
      }
    }
  }

  /// What a segment of one lane is made of.
  private struct SegmentParts {
    let modelNames: [String]
    let store: SpectrumStore
    let kernels: Kernels
    let transforms: TransformLane
  }

  private mutating func pass(
    _ name: String, _ tasks: [TensorTask],
    _ makeSegment: @escaping @Sendable (SegmentParts) -> any LaneSegment
  ) throws {
    let partitionCount = plan.recipe.method.partitionRates.count
    let byteCount = MergePlan.inputByteCount(tasks)
    context.progress.startPhase(name, totalBytes: byteCount)
    let pass = LanePass(name: name, tasks: tasks, context: context)
    passes.append(
      try pass.run { [store, kernels, modelNames, transforms] _ in
        makeSegment(
          SegmentParts(
            modelNames: modelNames, store: store, kernels: kernels,
            transforms: TransformLane(
              transforms, modelCount: modelNames.count, partitionCount: partitionCount,
              kernels: kernels)))
      })
    context.progress.finishPhase()
    inputByteCount += byteCount
  }
}

extension MergePlan {
  /// The ordinals of a tensor's strips.
  func strips(of task: TensorTask) -> Range<Int> {
    task.firstStrip..<(task.firstStrip + granularity.stripCount(of: task.elementCount))
  }
}
