internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// Ends a shared run: compares all that was recorded, gives the files their names, the index last, and writes the
/// report.
///
/// All steps can be repeated.
package struct ShareFinish {
  private let plan: SharedPlan
  private var folder: ShareFolder { plan.folder }
  private var merge: MergePlan { plan.merge }

  package init(_ plan: SharedPlan) { self.plan = plan }

  /// Ends the run.
  ///
  /// - Returns: The report, which lies in the output, too; nil if the run was finished before.
  /// - Throws: `PipelineError` with the shares that are missing, or with records that disagree.
  package func run() throws -> MergeReport? {
    let meter = CostMeter()
    let files = OutputDirectory(folder.output, work: folder.files, plan: merge)
    var directory = try RunDirectory(
      locking: folder.output, manifest: plan.manifest, merge.options)
    guard case .prepared = try SharedRun.look(at: folder.output) else {
      throw PipelineError.goneRun(folder.output)
    }
    _ = try directory.openJournal(.samples) { _ in }
    if try files.isFinished(plan.manifest) {
      try clear(directory)
      return nil
    }
    try plan.run.checkAll(.merge)
    let work = try Collected(plan)
    var report = try work.report(plan)
    report.identity = plan.manifest.identity
    report.addRunWarnings(
      damaged: [], isLocked: directory.lock.isExclusive, output: folder.output)
    report.totals = work.totals
    report.totals.bytesWritten = report.totals.bytesWritten.addingUpToLimit(
      merge.layout.byteCount - merge.layout.tensorByteCount)
    report.totals.seconds += meter.costs.seconds
    try files.publish(
      OutputShards(sharing: merge.layout, in: folder.files), report: &report,
      noting: directory.names
    ) { _ in }
    try clear(directory)
    return report
  }

  /// Removes what an attempt to finish left of the work directory, of a run that is finished.
  ///
  /// - Parameter output: The directory of the merged model.
  /// - Throws: If something cannot be removed, or another process is at work on the output.
  package static func tidy(_ output: String) throws {
    let work = "\(output)/\(RunFile.workDirectory)"
    guard try FileStatus.of(work, followingLinks: false)?.kind == .directory,
      case .finished = try SharedRun.look(at: output)
    else { return }
    let lock = try RunLock(in: work, output: output)
    try withExtendedLifetime(lock) { try Directory.remove(work) }
  }

  /// Removes what was only needed during the run: last of all what says that it is one.
  private func clear(_ directory: RunDirectory) throws {
    for attempt in 0..<3 {
      do {
        try Directory.remove(folder.run)
        break
      } catch {
        // Somebody who came back from before may still make files there.
        if attempt == 2 { throw error }
      }
    }
    try directory.finish()
  }
}

/// What all shares have left.
private struct Collected {
  private var progress = MergeProgress()
  private var layers: [Int: ShareLayer] = [:]
  private var solved: [Int: SolvedCount] = [:]
  private var held: [Int: [Int: SketchedLayer]] = [:]
  private(set) var totals = MergeReport.Totals()

  init(_ plan: SharedPlan) throws {
    let folder = plan.folder
    for share in 0..<plan.run.shareCount {
      try plan.read(.merge, share, layer: { layers[$0] = $1 }) { record in
        switch record.key.kind {
        case .held:
          guard let layers = SketchedLayer.layers(record) else { return }
          held[record.key.ordinal] = layers
        case .solvedCount:
          guard let count = SolvedCount(record: record.body) else { return }
          solved[record.key.ordinal, default: SolvedCount()] =
            solved[record.key.ordinal, default: SolvedCount()] + count
        default: progress.apply(record)
        }
      }
    }
    if let strip = plan.merge.tensors.strips.first(where: { progress.merged[$0.ordinal] == nil }) {
      throw PipelineError(
        Failure(
          .internal, subject: Subject(file: folder.output, tensor: strip.task.name),
          message: "no share has merged strip \(strip.index) of this tensor"))
    }
    totals.attempts = 0
    for phase in plan.run.phases {
      for (share, paths) in try folder.attempts(phase) {
        for path in paths { try count(path, of: folder.owner(phase, share: share), plan) }
      }
    }
  }

  /// Counts what an attempt has cost, and compares what it has merged: what was done twice checks itself.
  private mutating func count(_ path: String, of owner: Hash128, _ plan: SharedPlan) throws {
    var costs: RunCosts?
    try ShareRecords.attempt(path, of: owner) { record in
      switch record.key.kind {
      case .attempt: costs = RunCosts(encoded: record.body)
      case .peakMemory:
        var reader = ByteReader(record.body)
        totals.peakMemory = max(totals.peakMemory, reader.count() ?? 0)
      case .merge:
        let sum = Hash128(bytes: record.body.prefix(16))
        guard let known = progress.merged[record.key.ordinal], known.value != sum else { return }
        throw PipelineError(
          Failure(
            .internal, subject: Subject(file: path),
            message:
              "it merged strip \(record.key.ordinal) into other bytes than another attempt at its "
              + "share; one of the machines computes or remembers wrongly",
            remedy: "Merge on each of them alone to find out which; sluice prepare with --restart "
              + "begins anew."))
      default: break
      }
    }
    guard let costs else { return }
    totals.attempts += 1
    totals.seconds += costs.seconds
    totals.bytesRead = totals.bytesRead.addingUpToLimit(costs.bytesRead)
    totals.bytesWritten = totals.bytesWritten.addingUpToLimit(costs.bytesWritten)
  }

  /// What directions hold of each model's layers, in the order in which one machine adds them up.
  private var sketched: [Int: [SketchedLayer]] {
    var layers: [Int: [SketchedLayer]] = [:]
    for (_, models) in held.sorted(by: { $0.key < $1.key }) {
      for (model, layer) in models { layers[model, default: []].append(layer) }
    }
    return layers
  }

  /// Where layers are cut, of which that was told.
  private func cuts(modelCount: Int) -> CutTable {
    let cut = layers.filter { !$0.value.cuts.isEmpty }.sorted { $0.key < $1.key }
    var table = CutTable(
      partitionCount: 0, of: cut.map(\.key), modelCount: modelCount,
      room: cut.lazy.flatMap(\.value.cuts).map(\.cuts.count).max() ?? 0)
    for (position, layer) in cut.enumerated() {
      for (model, own) in layer.value.cuts.enumerated() {
        table.set(own, position: position, model: model)
      }
    }
    return table
  }

  /// The report of the run.
  func report(_ plan: SharedPlan) throws -> MergeReport {
    let (merge, tensors) = (plan.merge, plan.merge.tensors)
    let sums = OutputSums(taskCount: tensors.taskCount)
    let norms = tensors.deltas == nil ? nil : DeltaNorms()
    let figures = tensors.changeFigures
    for strip in tensors.strips {
      if let sum = progress.merged[strip.ordinal] { sums.add(sum, to: strip.task.ordinal) }
      if let found = progress.norms[strip.ordinal] { norms?.put(strip.ordinal, found) }
      if let found = progress.changes[strip.ordinal] { figures.set(found, strip: strip.ordinal) }
    }
    var report = try MergeReport(
      plan: merge,
      statistics: layers.isEmpty
        ? PassFindings(merge.passInputs).statistics : try plan.statistics(layers),
      cuts: cuts(modelCount: tensors.modelCount), solved: solved,
      sketched: sketched, sums: sums,
      norms: norms, passes: [])
    report.figures = figures
    return report
  }
}
