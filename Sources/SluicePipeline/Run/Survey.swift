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

  /// One linear layer of one model.
  private struct Layer: Sendable {
    let task: TensorTask
    let position: Int
    let model: Int

    var key: Key { Key(task: task.ordinal, model: model) }
  }

  let context: RunContext
  let kernels: Kernels
  /// What is done to the deltas before they are counted.
  let prefix: TransformChain
  /// Where the spectra go if they are not those of the journal.
  private let ownStore: SpectrumStore?
  private(set) var passes: [PassMetrics] = []

  init(
    _ context: RunContext, kernels: Kernels, prefix: TransformChain = .empty,
    ownStore: SpectrumStore? = nil
  ) {
    self.prefix = prefix
    self.ownStore = ownStore
    self.context = context
    self.kernels = kernels
  }

  private var plan: MergePlan { context.plan }
  private var work: MergeWork { context.work }
  private var store: SpectrumStore { ownStore ?? context.work.store }
  private var modelNames: [String] { plan.recipe.models.map(\.name) }

  /// Counts everything and gives each layer's statistics and cuts.
  mutating func run() throws -> (statistics: LayerStatistics, cuts: CutTable) {
    let linear = plan.linearTasks
    try count("survey", linear)
    let statistics = try significance(of: linear)
    return (statistics, try cuts(of: linear, statistics))
  }

  /// Computes statistics of tensors for a stage that asked for them.
  ///
  /// - Returns: For each model, the values for each tensor by the ordinal of its task.
  mutating func values(
    of statistics: [any TensorStatistic], for stage: String, _ tasks: [TensorTask]
  ) throws -> [[Int: [Double]]] {
    try count("survey for \(stage)", tasks)
    let answers = try resolve("refine for \(stage)", tasks) { _, whole, _ in
      var values: [Double] = []
      var missing = BinRequest()
      for statistic in statistics {
        do throws(Spectrum.Unresolved) {
          values.append(try statistic.value(of: whole))
        } catch {
          missing.add(error.binBits)
        }
      }
      return missing.bins.isEmpty ? .success(values) : .failure(UnresolvedBins(request: missing))
    }
    return answers.map { values in
      Dictionary(uniqueKeysWithValues: zip(tasks.map(\.ordinal), values))
    }
  }

  private mutating func count(_ name: String, _ tasks: [TensorTask]) throws {
    guard !tasks.isEmpty else { return }
    let inFileOrder = tasks.sorted { $0.ordinal < $1.ordinal }
    let (work, isRecorded) = (work, ownStore == nil)
    let isFinished: @Sendable (Int) -> Bool = { isRecorded && work.isSurveyed($0) }
    try pass(name, inFileOrder, isFinished: isFinished) { [store, kernels, modelNames, prefix] in
      SurveySegment(modelNames: modelNames, store: store, kernels: kernels, prefix: prefix)
    }
  }

  private mutating func significance(of linear: [TensorTask]) throws -> LayerStatistics {
    let statistic =
      plan.recipe.stages.significance?.stage
      ?? SignificantShare(multiple: plan.recipe.method.significanceMultiple)
    let known = try resolve("refine significance", linear) { layer, whole, _ in
      switch LayerSurvey(whole, name: layer.task.name, significance: statistic) {
      case .known(let statistics): .success(statistics)
      case .needs(let bin): .failure(UnresolvedBins(request: BinRequest([bin])))
      }
    }
    return LayerStatistics(tasks: linear, layers: known)
  }

  private mutating func cuts(
    of linear: [TensorTask], _ statistics: LayerStatistics
  ) throws -> CutTable {
    let method = plan.recipe.method
    let settings = plan.settings
    let shifts = statistics.rateShifts(plan.recipe.stages.rates?.stage ?? method.rateRule)
    let layers = try resolve("refine cuts", linear) { layer, whole, strips in
      let shift = shifts[layer.model][layer.position]
      return Result { () throws(UnresolvedBins) in
        try LayerCuts(
          // Nothing is pruned at rate 0: there is nothing to share out among the layers.
          rates: settings.partitionRates(of: layer.task, model: layer.model).map {
            $0.value == 0 ? 0 : $0.value + shift
          }, whole: whole, tieBreak: method.tieBreak, strips: strips)
      }
    }
    var table: [Int: [LayerCuts]] = [:]
    for (position, task) in linear.enumerated() {
      table[task.ordinal] = layers.map { $0[position] }
    }
    return CutTable(partitionCount: settings.partitionCount, layers: table)
  }

  /// Answers a question about every layer of every model, looking into bins where it must.
  ///
  /// - Returns: For each model, the answers in the order of the layers.
  private mutating func resolve<Answer: Sendable>(
    _ name: String, _ linear: [TensorTask],
    _ answer: @escaping @Sendable (Layer, Spectrum, [Spectrum]) -> Result<Answer, UnresolvedBins>
  ) throws -> [[Answer]] {
    var answers: [[Answer?]] = modelNames.map { _ in linear.map { _ in nil } }
    var pending = linear.enumerated().flatMap { position, task in
      modelNames.indices.map { Layer(task: task, position: position, model: $0) }
    }
    while !pending.isEmpty {
      let results = try ask(pending, answer)
      var requests: [Key: BinRequest] = [:]
      var next: [Layer] = []
      for (layer, result) in zip(pending, results) {
        switch result {
        case .success(let known): answers[layer.model][layer.position] = known
        case .failure(let unresolved):
          requests[layer.key] = unresolved.request
          next.append(layer)
        }
      }
      try refine(name, linear, requests)
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
          let strips = plan.strips(of: layer.task)
          var whole = try store.spectrum(strip: strips.lowerBound, model: layer.model)
          var parts = strips.count > 1 ? [whole] : []
          for strip in strips.dropFirst() {
            parts.append(try store.spectrum(strip: strip, model: layer.model))
            whole.merge(parts[parts.count - 1])
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
    _ name: String, _ linear: [TensorTask], _ requests: [Key: BinRequest]
  ) throws {
    guard !requests.isEmpty else { return }
    let wanted = Set(requests.keys.map(\.task))
    // From the end, where the page cache still holds what was read last.
    let tasks = linear.filter { wanted.contains($0.ordinal) }.sorted { $0.ordinal > $1.ordinal }
    let finished = try refinedStrips(tasks, requests)
    try pass(name, tasks, isFinished: finished.contains, isRefining: true) {
      [store, kernels, modelNames, prefix] in
      RefineSegment(modelNames: modelNames, store: store, kernels: kernels, prefix: prefix) {
        strip, model in
        requests[Key(task: strip.task.ordinal, model: model)] ?? BinRequest()
      }
    }
  }

  /// The strips whose bins an earlier attempt has looked into already.
  private func refinedStrips(
    _ tasks: [TensorTask], _ requests: [Key: BinRequest]
  ) throws -> Set<Int> {
    var finished: Set<Int> = []
    guard ownStore == nil else { return finished }
    for task in tasks {
      for strip in plan.strips(of: task) where work.earlier.refined.contains(strip) {
        let isResolved = try modelNames.indices.allSatisfy { model in
          let bins = requests[Key(task: task.ordinal, model: model)]?.bins ?? []
          guard !bins.isEmpty else { return true }
          let entries = try store.spectrum(strip: strip, model: model).entries
          return !entries.contains { $0.span > 1 && bins.contains($0.bits) }
        }
        if isResolved { finished.insert(strip) }
      }
    }
    return finished
  }

  private mutating func pass(
    _ name: String, _ tasks: [TensorTask], isFinished: @escaping @Sendable (Int) -> Bool,
    isRefining: Bool = false, _ makeSegment: @escaping @Sendable () -> any LaneSegment
  ) throws {
    context.progress.startPhase(
      name, totalBytes: MergePlan.inputByteCount(tasks),
      doneBytes: tasks.reduce(0) { sum, task in
        plan.strips(task).filter { isFinished($0.ordinal) }.reduce(sum) { $0 + $1.inputByteCount }
      })
    let pass = LanePass(name: name, tasks: tasks, context: context, isFinished: isFinished)
    let (work, isRecorded) = (work, ownStore == nil)
    passes.append(
      try pass.run(didEnd: { strip in
        if isRecorded { work.didSurvey(strip, isRefined: isRefining) }
      }) { _ in makeSegment() })
    context.progress.finishPhase()
  }
}

extension MergePlan {
  /// The ordinals of a tensor's strips.
  func strips(of task: TensorTask) -> Range<Int> {
    task.firstStrip..<(task.firstStrip + granularity.stripCount(of: task.elementCount))
  }
}
