internal import SluiceCore
internal import SluiceDataflow
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// Counts tensors into histograms, and asks these.
///
/// Deltas of F32 weights are counted in bins first; a further pass over just those tensors looks into
/// the bins that a threshold falls into. 16-bit weights never need it.
final class Survey: HistogramSurvey {
  private struct Key: Hashable, Sendable {
    let task: Int
    let model: Int
  }

  private let run: PassRun
  let store: HistogramStore
  /// What is done to the deltas before they are counted.
  private let transforms: TransformChain
  /// What is packed of the tensors while they are counted.
  var packing: Packing?

  /// What is finished; nil for the first survey, whose strips the run knows.
  private let units: PassUnits?

  init(
    _ run: PassRun, store: HistogramStore, transforms: TransformChain = .empty,
    units: PassUnits? = nil
  ) {
    self.run = run
    self.store = store
    self.transforms = transforms
    self.units = units
  }

  private var plan: TensorPlan { run.plan }
  private var work: MergeWork { run.context.work }
  var modelCount: Int { plan.modelCount }

  /// Counts the deltas of tensors.
  ///
  /// - Parameters:
  ///   - pass: The pass.
  ///   - tasks: The tensors.
  ///   - keptWhole: Tensors among them that are not counted, only packed.
  ///   - note: What looks at each histogram that is made, if anything does.
  /// - Throws: What keeps them from being counted.
  func count(
    _ pass: any TensorPass, _ tasks: [TensorTask], keptWhole: [TensorTask] = [],
    note: HistogramNote? = nil
  ) throws {
    let whole = Set(keptWhole.flatMap { plan.strips(of: $0) })
    guard !tasks.isEmpty else { return }
    let isFinished: @Sendable (Int) -> Bool = { [store] in
      store.records.isComplete(strip: $0) || whole.contains($0)
    }
    let inFileOrder = tasks.sorted { $0.ordinal < $1.ordinal }
    // The first survey has the histograms of stored models, and counts the others as they are.
    let packed = units == nil ? ReadStage.PackedReading.leftOut(plan.stored.positions) : nil
    try stream(pass, inFileOrder, isFinished: isFinished, packing: packing, packed: packed) {
      [store, modelCount, kernels = run.kernels, hasTransforms = !transforms.isEmpty] forecast in
      SurveySink(
        modelCount: modelCount, store: store, hasTransforms: hasTransforms, kernels: kernels,
        note: note, forecast: forecast)
    }
  }

  func settle(
    _ refining: RefinePass, _ groups: LayerGroups,
    _ askRecord: (@Sendable (SurveyedLayer, HistogramRecord) -> Bool)?,
    histograms ask:
      @escaping @Sendable (SurveyedLayer, MagnitudeHistogram, [MagnitudeHistogram]) ->
      UnresolvedBins?
  ) throws {
    // As the records were written, so that neighbours are read at once.
    let strips = groups.firstStrips
    // The plan is asked once: there may be ten thousands of groups.
    let modelCount = modelCount
    var pending: [(position: Int, model: Int)] = []
    pending.reserveCapacity(groups.count * modelCount)
    for position in strips.indices.sorted(by: { strips[$0] < strips[$1] }) {
      for model in 0..<modelCount { pending.append((position, model)) }
    }
    while !pending.isEmpty {
      let missing = try bins(of: pending, groups, askRecord, ask)
      var requests: [Key: BinRequest] = [:]
      for (place, missing) in missing {
        let layer = groups.layer(at: pending[place].position, model: pending[place].model)
        for task in layer.tasks {
          requests[Key(task: task.ordinal, model: layer.model)] = missing.request
        }
      }
      if !requests.isEmpty { try refine(refining, groups.tasks, requests) }
      pending = missing.map { pending[$0.place] }
    }
  }

  /// Reads the histograms of layers and asks about them, on all lanes.
  ///
  /// - Returns: The places of those of which bins must be known, in order, and the bins.
  private func bins(
    of layers: [(position: Int, model: Int)], _ groups: LayerGroups,
    _ askRecord: (@Sendable (SurveyedLayer, HistogramRecord) -> Bool)?,
    _ ask:
      @escaping @Sendable (SurveyedLayer, MagnitudeHistogram, [MagnitudeHistogram]) ->
      UnresolvedBins?
  ) throws -> [(place: Int, bins: UnresolvedBins)] {
    let lanes = plan.memory.lanes
    let blockLength = max(1, min(256, layers.count / (16 * lanes)))
    let found = Monitor<[(place: Int, bins: UnresolvedBins)]>([])
    try Graph.workThrough(
      Array(stride(from: 0, to: layers.count, by: blockLength)), "barrier",
      threads: min(lanes, layers.count), cancellation: run.context.cancellation
    ) { [store, plan] list, _ in
      let window = StripRecords.Window(store.records)
      while let start = try list.next() {
        for place in start..<min(start + blockLength, layers.count) {
          let layer = groups.layer(at: layers[place].position, model: layers[place].model)
          let isKnown =
            try askRecord.map { try store.ask($0, about: layer, plan, window) } ?? false
          guard !isKnown, let missing = try store.ask(ask, about: layer, plan) else { continue }
          found.withLock { $0.append((place, missing)) }
        }
      }
    }
    return found.withLock { $0.sorted { $0.place < $1.place } }
  }

  private func refine(
    _ pass: RefinePass, _ tasks: [TensorTask], _ requests: [Key: BinRequest]
  ) throws {
    let wanted = Set(requests.keys.map(\.task))
    // From the end, where the page cache still holds what was read last.
    let tasks = tasks.filter { wanted.contains($0.ordinal) }.sorted { $0.ordinal > $1.ordinal }
    let finished = try refinedStrips(tasks, requests)
    let spilled = packing.flatMap {
      $0.packed { requests[Key(task: $0.ordinal, model: $1)] ?? BinRequest() }
    }
    let packed = spilled.map {
      ReadStage.PackedReading.unpacked(
        PackedModels(stored: plan.stored, spilled: $0), run.kernels)
    }
    try stream(
      pass, tasks, isFinished: { finished.contains($0) }, isRefining: true, packed: packed
    ) { [store, modelCount, kernels = run.kernels] _ in
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
    let mayBeRefined = { [work, units] (strip: Int) in
      units.map { $0.isFinished(strip) } ?? work.earlier.refined.contains(strip)
    }
    for task in tasks {
      for strip in plan.strips(of: task) where mayBeRefined(strip) {
        let isResolved = try (0..<modelCount).allSatisfy { model in
          let bins = requests[Key(task: task.ordinal, model: model)]?.bins ?? []
          guard !bins.isEmpty else { return true }
          let histogram = try store.histogram(strip: strip, model: model)
          return !histogram.bits.indices.contains {
            histogram.isBin(at: $0) && bins.contains(histogram.bits[$0])
          }
        }
        if isResolved { finished.insert(strip) }
      }
    }
    return finished
  }

  private func stream(
    _ pass: any TensorPass, _ tasks: [TensorTask], isFinished: @escaping @Sendable (Int) -> Bool,
    isRefining: Bool = false, packing: Packing? = nil, packed: ReadStage.PackedReading?,
    _ makeSink: @escaping @Sendable (FloorForecast?) -> any TileSink
  ) throws {
    let context = run.context
    context.progress.startPhase(
      pass.name,
      totalBytes: TensorPlan.inputByteCount(tasks) + (packing?.repeats?.inputByteCount ?? 0),
      doneBytes: plan.inputByteCount(tasks, isFinished))
    defer { context.progress.finishPhase() }
    var lanes = LanePass(
      pass: pass, tasks: tasks, context: context, isFinished: isFinished, kernels: run.kernels,
      transforms: transforms)
    lanes.packing = packing
    if let packed { lanes.context.packed = packed }
    let didEnd: @Sendable ([Strip]) -> Void = { [work, units, store] strips in
      guard let units else { return work.didSurvey(strips, isRefined: isRefining) }
      let slots = store.records.slots(strips: strips.map(\.ordinal))
      for case (let strip, let slots?) in zip(strips, slots) {
        units.finished(
          strip.ordinal, StripRecords.Slot.encode(slots), workByteCount: strip.inputByteCount)
      }
    }
    run.didRun(try lanes.run(didEnd: didEnd, makeSink))
  }
}

extension HistogramStore {
  /// Asks about a layer where the record of its histogram may be enough; says whether it was.
  fileprivate func ask(
    _ ask: (SurveyedLayer, HistogramRecord) -> Bool, about layer: SurveyedLayer,
    _ plan: TensorPlan, _ window: StripRecords.Window
  ) throws -> Bool {
    guard let task = layer.single else { return false }
    let strips = plan.strips(of: task)
    guard strips.count == 1, let strip = strips.first else { return false }
    // SAFETY: the record is looked at while it is in the window.
    let isKnown = try unsafe window.withRecord(strip: strip, model: layer.model) { bytes in
      unsafe HistogramRecord(bytes, elementCount: task.elementCount)
        .map { ask(layer, $0) } ?? false
    }
    return isKnown ?? false
  }

  /// Asks about a layer whose histogram is made.
  fileprivate func ask(
    _ ask: (SurveyedLayer, MagnitudeHistogram, [MagnitudeHistogram]) -> UnresolvedBins?,
    about layer: SurveyedLayer, _ plan: TensorPlan
  ) throws -> UnresolvedBins? {
    let strips = layer.tasks.flatMap { Array(plan.strips(of: $0)) }
    // Only of a single tensor must its strips be known apart.
    let needsParts = layer.single != nil && strips.count > 1
    var whole = MagnitudeHistogram([])
    var parts: [MagnitudeHistogram] = []
    for strip in strips {
      let part = try histogram(strip: strip, model: layer.model)
      whole.merge(part)
      if needsParts { parts.append(part) }
    }
    return ask(layer, whole, parts)
  }
}
