internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages
internal import SluiceStore

/// The work of a merge on disk: what earlier attempts finished, and where this one notes what it
/// finishes.
struct MergeWork: Sendable {
  /// What earlier attempts finished.
  let earlier: MergeProgress
  /// The histograms of pass 1.
  let store: HistogramStore
  /// What pass 1 keeps of the models, if it keeps anything.
  let spill: SpillStore?
  /// Whether there is something still to be kept, and not since an earlier phase.
  let packs: Bool
  /// The files of the merged model.
  let shards: OutputShards
  /// The sums of the merged tensors, so far those of earlier attempts.
  let sums: OutputSums
  /// How much adapters change, so far what earlier attempts found; nil if there are none.
  let norms: DeltaNorms?
  /// How tensors were changed, so far what earlier attempts found.
  let figures: ChangeFigures
  /// What this attempt costs.
  let meter: CostMeter
  /// The directory of what the run needs while it is unfinished.
  private let directory: RunDirectory
  /// Nil if nothing is recorded.
  let journal: Journal?
  /// Where files of passes are made that have no name; they have one in the directory if nil.
  private var unnamedPlace: String?

  init(
    _ plan: TensorPlan, in directory: RunDirectory, earlier: MergeProgress, journal: Journal?,
    meter: CostMeter, shards: OutputShards? = nil, frames: SharedFrames? = nil
  ) throws {
    self.earlier = earlier
    self.journal = journal
    self.meter = meter
    self.directory = directory
    let path = directory.workPath(RunFile.statistics)
    let known = try WorkFile.open(at: path)
    let statistics = try known ?? WorkFile.create(at: path)
    if !plan.options.journalPace.gathersHistograms { statistics.writeAtOnce() }
    store = HistogramStore(
      statistics, stripCount: plan.stripCount, modelCount: plan.modelCount)
    for (strip, slots) in earlier.histograms { store.records.restore(slots, strip: strip) }
    spill = try MergeWork.spillStore(plan, in: directory, earlier: earlier, frames)
    packs = spill != nil && frames == nil
    self.shards =
      shards
      ?? OutputShards(
        plan.layout, in: directory.work, finished: MergeWork.finishedBytes(plan, earlier))
    sums = OutputSums(taskCount: plan.taskCount)
    norms = plan.deltas == nil ? nil : DeltaNorms()
    for (strip, found) in earlier.norms { norms?.put(strip, found) }
    figures = plan.changeFigures
    for strip in plan.strips where !earlier.merged.isEmpty || !earlier.changes.isEmpty {
      // An attempt that spilled otherwise may have looked at other tensors.
      if let found = earlier.changes[strip.ordinal], found.modelCount == plan.modelCount,
        figures.covers(strip.task)
      {
        figures.set(found, strip: strip.ordinal)
      }
      if let sum = earlier.merged[strip.ordinal] { sums.add(sum, to: strip.task.ordinal) }
    }
    journal?.finished(MergeWork.record(earlier.nextAttempt, meter.costs))
    // Before any record of a strip: that of another place means nothing in this one.
    if packs { journal?.finished(.spills(to: directory.spillPlace(of: plan))) }
  }

  /// Work of which nothing stays, however the process ends: its files have no name.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - kind: What the work is for.
  /// - Returns: The work.
  /// - Throws: If there is no place for temporary files.
  static func unnamed(_ plan: TensorPlan, _ kind: String) throws -> MergeWork {
    let path = try Directory.createTemporary("sluice-\(kind)")
    defer { try? Directory.remove(path) }
    var manifest = Manifest()
    manifest.add(fact: "kind", kind)
    let directory = try RunDirectory(locking: path, manifest: manifest, plan.options)
    defer { try? directory.finish() }
    var work = try MergeWork(
      plan, in: directory, earlier: MergeProgress(), journal: nil, meter: CostMeter())
    work.unnamedPlace = Directory.temporary
    return work
  }

  /// Makes one attempt at a run, with a journal of what it finishes.
  static func attempt<Result>(
    _ plan: TensorPlan, in directory: RunDirectory, _ journalFile: WorkFile,
    earlier: MergeProgress, damaged: [UnitKey], meter: CostMeter, cancellation: Cancellation,
    shards: OutputShards? = nil, frames: SharedFrames? = nil,
    _ body: (MergeWork) throws -> Result
  ) throws -> Result {
    let attempt = earlier.nextAttempt
    let journal =
      plan.options.isJournaled
      ? try Journal(
        journalFile, pace: plan.options.journalPace, cancellation: cancellation,
        costs: { record(attempt, meter.costs) }) : nil
    do {
      for unit in damaged { journal?.finished(.undoing(unit)) }
      let result = try body(
        MergeWork(
          plan, in: directory, earlier: earlier, journal: journal, meter: meter, shards: shards,
          frames: frames))
      try journal?.close()
      return result
    } catch {
      // What was finished until now is recorded; an error of the journal was the first one anyway.
      try? journal?.close()
      throw error
    }
  }

  private static func spillStore(
    _ plan: TensorPlan, in directory: RunDirectory, earlier: MergeProgress,
    _ frames: SharedFrames?
  ) throws -> SpillStore? {
    guard plan.spill.isOn else { return nil }
    let file: WorkFile
    if let frames {
      guard let left = try frames.open() else { return nil }
      file = left
    } else {
      let path = try directory.spillPath(of: plan)
      let known = earlier.spilled.isEmpty ? nil : try WorkFile.open(at: path)
      file = try known ?? WorkFile.create(at: path)
    }
    let room = frames == nil ? plan.memory.heldFramesByteCount : 0
    let store = SpillStore(
      file, stripCount: plan.stripCount, modelCount: plan.modelCount,
      isAroundCache: plan.input.mode == .direct,
      held: room > 0 ? try HeldFrames(byteCount: room) : nil,
      owner: frameOwner(plan))
    for (strip, slots) in earlier.spilled { store.records.restore(slots, strip: strip) }
    return store
  }

  /// What the hashes of a run's frames are seeded with.
  static func frameOwner(_ plan: TensorPlan) -> @Sendable (TensorTask, Int) -> String {
    // A store is that of one model, whatever the model is called.
    if plan.spill.isStore { return { task, _ in DeltaStore.owner(task.name) } }
    let names = plan.modelNames
    return { "\(names[$1])\u{0}\($0.name)" }
  }

  /// Where a file that only this run needs is kept.
  func path(_ name: String) -> String { directory.workPath(name) }

  /// The record of an attempt.
  static func record(_ attempt: Int, _ costs: RunCosts) -> JournalRecord {
    JournalRecord(UnitKey(.attempt, attempt), body: costs.encoded)
  }

  /// What all attempts have cost together, and how many there were.
  var totals: (costs: RunCosts, attempts: Int) {
    (earlier.costs + meter.costs, earlier.nextAttempt + 1)
  }

  /// Whether the histograms of a strip are there, of all models.
  func isSurveyed(_ strip: Int) -> Bool { store.records.isComplete(strip: strip) }

  func isSpilled(_ strip: Int) -> Bool { earlier.spilled[strip] != nil }

  func isMerged(_ strip: Int) -> Bool { earlier.merged[strip] != nil }

  /// What is finished of a pass.
  ///
  /// - Parameter kind: The kind of the pass's units.
  /// - Returns: The units; those of a file with the file, made if none of them is finished.
  /// - Throws: `FormatError` if the file cannot be opened or made.
  func units(_ kind: UnitKind) throws -> PassUnits {
    let known = (earlier.units[kind] ?? [:]).mapValues(\.body)
    var file: WorkFile?
    if let unnamedPlace, kind.isInFile {
      file = try WorkFile.scratch(in: unnamedPlace, name: kind.rawValue)
    } else if kind.isInFile {
      let path = path(kind.rawValue)
      file = known.isEmpty ? nil : try WorkFile.open(at: path)
      if file == nil {
        file = try WorkFile.create(at: path)
        // What took hours is not lost with a name.
        try Directory.sync(directory.work)
      }
    }
    return PassUnits(kind, in: file, earlier: known) { [journal] ordinal, body, byteCount, data in
      journal?.finished(
        JournalRecord(UnitKey(kind, ordinal), workByteCount: byteCount, body: body), in: data)
    }
  }

  /// For each shard that was begun, the finished bytes of tensors in it.
  private static func finishedBytes(_ plan: TensorPlan, _ earlier: MergeProgress) -> [Int: Int] {
    var bytes: [Int: Int] = [:]
    guard !earlier.merged.isEmpty else { return bytes }
    for strip in plan.strips where earlier.merged[strip.ordinal] != nil {
      bytes[strip.task.outputShard, default: 0] += strip.outputByteCount
    }
    return bytes
  }
}
