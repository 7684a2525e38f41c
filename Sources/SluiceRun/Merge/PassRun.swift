internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages
internal import Synchronization

/// Executes the passes of a plan, one after the other.
final class PassRun: PassExecutor {
  private(set) var context: RunContext
  let kernels: Kernels
  let known: KnownFindings
  /// What the passes did so far.
  private(set) var metrics: [PassMetrics] = []
  /// The bytes that they left in intermediate files.
  private(set) var spilledByteCount = 0
  /// The histograms that the pass at hand counts into: they grow while it asks.
  private var stores: [HistogramStore] = []

  init(_ context: RunContext, kernels: Kernels, known: KnownFindings = KnownFindings()) {
    self.context = context
    self.kernels = kernels
    self.known = known
  }

  var plan: TensorPlan { context.plan }
  var figures: ChangeFigures { context.work.figures }

  /// Runs passes, and gives what they found, with what was known before them.
  func run(_ passes: [any TensorPass], from inputs: PassInputs) throws -> PassFindings {
    var findings = PassFindings(inputs)
    for pass in passes {
      try pass.run(self, &findings)
      for store in stores { didSpill(store.records.byteCount, in: pass) }
      stores = []
    }
    return findings
  }

  /// Notes what a pass did.
  func didRun(_ metrics: PassMetrics) { self.metrics.append(metrics) }

  func units(_ kind: UnitKind) throws -> PassUnits { try context.work.units(kind) }

  func stream(
    _ pass: any TensorPass, after transforms: TransformChain, _ units: PassUnits,
    _ makeSink: @escaping @Sendable () -> any TileSink
  ) throws {
    let tasks = pass.tasks(plan)
    context.progress.startPhase(
      pass.name, totalBytes: TensorPlan.inputByteCount(tasks),
      doneBytes: plan.inputByteCount(tasks, units.isFinished))
    defer { context.progress.finishPhase() }
    let lanes = LanePass(
      pass: pass, tasks: tasks, context: context, isFinished: { units.isFinished($0) },
      kernels: kernels,
      transforms: transforms)
    didRun(try lanes.run(didEnd: { _ in }) { _ in makeSink() })
  }

  func write(
    _ pass: any TensorPass, after transforms: TransformChain,
    _ makeSink: @escaping @Sendable (ChunkOutput) -> any TileSink
  ) throws {
    let work = context.work
    // In reverse, so that what the passes before read last, and the page cache still holds, is used first; where
    // it holds nothing forward, since the system reads ahead of a tensor what then comes next.
    let tasks = context.dropsCachedPages ? pass.tasks(plan) : pass.tasks(plan).reversed()
    var (total, done) = (0, 0)
    for strip in plan.mergedStrips {
      let byteCount = strip.inputByteCount + strip.outputByteCount
      total += byteCount
      if work.isMerged(strip.ordinal) { done += byteCount }
    }
    context.progress.startPhase(pass.name, totalBytes: total, doneBytes: done)
    defer { context.progress.finishPhase() }
    let lanes = LanePass(
      pass: pass, tasks: tasks, context: context,
      isFinished: { [plan] in work.isMerged($0) || plan.isElsewhere($0) }, kernels: kernels,
      transforms: transforms, norms: work.norms)
    didRun(try lanes.run(writing: work.shards, makeSink))
  }

  func survey(
    _ pass: any TensorPass, of tasks: [TensorTask], after transforms: TransformChain,
    in kind: UnitKind?, note: HistogramNote?, foresee: (() throws -> RateForecast?)?
  ) throws -> any HistogramSurvey {
    var units = try kind.map { try self.units($0) }
    let store = histograms(of: tasks, &units)
    let survey = Survey(self, store: store, transforms: transforms, units: units)
    if units == nil {
      try plan.stored.restoreHistograms(of: tasks, plan, to: store)
      if context.work.packs, !plan.spill.isStore, let spill = context.work.spill,
        let codec = plan.spill.codec
      {
        survey.packing = Packing(
          tasks, plan: plan, work: context.work, histograms: store, store: spill, codec: codec,
          foreseen: try foreseen(of: tasks, in: store, foresee))
      }
    }
    try survey.count(pass, tasks, note: note)
    return survey
  }

  /// The rates that are expected, if anything is left to count.
  private func foreseen(
    of tasks: [TensorTask], in store: HistogramStore, _ foresee: (() throws -> RateForecast?)?
  ) throws -> RateForecast? {
    let isLeft = tasks.contains { task in
      plan.strips(of: task).contains { !store.records.isComplete(strip: $0) }
    }
    guard isLeft, let forecast = try foresee?() else { return nil }
    context.work.meter.countRead(forecast.readByteCount)
    return forecast
  }

  func work<Job: Sendable>(
    _ pass: any TensorPass, _ node: NodeKind, on jobs: [Job], _ units: PassUnits,
    byteCount: @escaping @Sendable (Job) -> Int,
    _ makeWorker: @escaping @Sendable (PassWorker) throws -> (Job) throws -> [UInt8]
  ) throws {
    let left = jobs.indices.filter { !units.isFinished($0) }
    let totalBytes = jobs.reduce(0) { $0 + byteCount($1) }
    context.progress.startPhase(
      pass.name, totalBytes: totalBytes,
      doneBytes: left.reduce(totalBytes) { $0 - byteCount(jobs[$1]) })
    defer { context.progress.finishPhase() }
    let list = WorkList(left, cancellation: context.cancellation)
    let graph = PassGraphRun(cancellation: context.cancellation)
    for lane in 1...plan.memory.lanes {
      graph.add(node, lane) { [context] node in
        let lease = try context.budget.acquire(context.plan.memory.tableBytes)
        defer { lease.release() }
        let work = try makeWorker(
          PassWorker(
            lane: lane, node: node, didRead: { context.work.meter.countRead($0) },
            didAdvance: { context.progress.advance(by: $0) }))
        while let index = try list.next() {
          units.finished(index, try work(jobs[index]), workByteCount: byteCount(jobs[index]))
        }
      }
    }
    didRun(try graph.run(pass, tensorCount: pass.tensorCount(plan)))
  }

  func didSpill(_ byteCount: Int, in pass: any TensorPass) {
    spilledByteCount += byteCount
    // Where nothing was left to do there is no pass to book it on.
    if let index = metrics.lastIndex(where: { $0.pass.name == pass.name }) {
      metrics[index].bytesSpilled += byteCount
    }
  }

  func path(_ name: String) -> String { context.work.path(name) }

  func addInput(_ file: InputFile) { context.plan.files.append(file) }

  func readFrames(serving cuts: CutTable, in pass: any TensorPass) {
    // Frames of a store are for others.
    guard let spill = context.work.spill, !plan.spill.isStore else { return }
    didSpill(spill.records.byteCount, in: pass)
    context.packed = .unpacked(
      PackedModels(
        stored: plan.stored,
        spilled: SpilledModels(store: spill) { cuts.containsCuts($0, $1, floor: $2) }),
      kernels)
  }

  func knownStatistics(unit: Int) -> [Double]? { context.work.earlier.statistics[unit] }

  func didFind(_ values: [Double], unit: Int) { context.work.didFind(values, unit: unit) }

  /// The histograms that a pass counts into: in a file of its own if it has units, or those that all share.
  func histograms(of tasks: [TensorTask], _ units: inout PassUnits?) -> HistogramStore {
    let store = restoreHistograms(of: tasks, &units) ?? context.work.store
    stores.append(store)
    return store
  }

  /// The histograms of a pass in a file of its own, with those that earlier attempts finished.
  private func restoreHistograms(
    of tasks: [TensorTask], _ units: inout PassUnits?
  ) -> HistogramStore? {
    guard let file = units?.file else { return nil }
    let store = HistogramStore(
      file, stripCount: plan.stripCount, modelCount: plan.modelCount)
    for strip in tasks.lazy.flatMap({ self.plan.strips(of: $0) }) {
      units?.restore(strip) { body in
        guard let slots = StripRecords.Slot.decode(body), slots.count == plan.modelCount
        else { return false }
        store.records.restore(slots, strip: strip)
        return true
      }
    }
    return store
  }
}
