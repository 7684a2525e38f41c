internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

extension ShareWork {
  /// Merges the strips of the share that no attempt has merged yet.
  func merge(
    _ tensors: TensorPlan, _ directory: RunDirectory, _ journal: WorkFile, _ meter: CostMeter
  ) throws {
    var earlier = try mergedBefore()
    let known = try takeKnown(&earlier, directory)
    let frames = SharedFrames(earlier, in: folder)
    let damaged = try FinishedWorkCheck(
      plan: tensors, directory: directory, shardDirectory: folder.files, frames: frames,
      cancellation: cancellation
    ).damagedUnits(in: earlier, plan.merge.options.resumeCheck)
    for unit in damaged { earlier.undo(unit) }
    let findings = try MergeWork.attempt(
      tensors, in: directory, journal, earlier: earlier, damaged: damaged, meter: meter,
      cancellation: cancellation, shards: OutputShards(sharing: tensors.layout, in: folder.files),
      frames: frames
    ) { work in
      guard !tensors.tasks.isEmpty else { return PassFindings(plan.merge.passInputs) }
      let findings = try passRun(tensors, work, known).run(
        tensors.passes, from: plan.merge.passInputs)
      try work.shards.sync()
      work.didPeak()
      return findings
    }
    try ShareRecords.attempt(directory.work, of: owner) { earlier.apply($0) }
    try tensors.checkInputs()
    try ShareRecords.write(
      try records(tensors, earlier, findings), to: folder.done(phase, share), of: owner,
      via: directory.work)
  }

  /// What other attempts at the share have merged.
  ///
  /// Histograms and whatever else passes know lie in the files of their own attempt, and are found again.
  private func mergedBefore() throws -> MergeProgress {
    var earlier = MergeProgress()
    // Nobody knows which of two attempts was later: what one found damaged is merged again.
    var damaged: Set<Int> = []
    for path in try folder.attempts(.merge)[share] ?? [] {
      var undone: Set<Int> = []
      try ShareRecords.attempt(path, of: owner) { record in
        switch record.key.kind {
        case .merge, .changes:
          earlier.apply(record)
          undone.remove(record.key.ordinal)
        case .undone where record.undoneKind == UnitKind.merge.rawValue:
          undone.insert(record.key.ordinal)
        default: break
        }
      }
      damaged.formUnion(undone)
    }
    for strip in damaged { earlier.undo(UnitKey(.merge, strip)) }
    return earlier
  }

  /// What the share leaves: of each strip its sum, of each linear layer what reports say.
  private func records(
    _ tensors: TensorPlan, _ progress: MergeProgress, _ findings: PassFindings
  ) throws -> [JournalRecord] {
    var records: [JournalRecord] = []
    for strip in tensors.mergedStrips {
      guard let sum = progress.merged[strip.ordinal] else {
        throw PipelineError(
          Failure(
            .internal, subject: Subject(tensor: strip.task.name),
            message: "a strip of share \(share) was not recorded as merged",
            remedy: "Do the share again."))
      }
      if let changes = progress.changes[strip.ordinal] {
        records.append(JournalRecord(UnitKey(.changes, strip.ordinal), body: changes.encoded))
      }
      records.append(.merged(strip, sum, progress.norms[strip.ordinal]))
    }
    for (position, task) in findings.statistics.tasks.enumerated() {
      let statistics = findings.statistics.layers.map { $0[position] }
      let cuts = (0..<tensors.modelCount).compactMap { findings.cuts[task.ordinal, $0] }
      records.append(ShareLayer(statistics: statistics, cuts: cuts).record(of: task))
    }
    var held: [Int: [Int: SketchedLayer]] = [:]
    for (model, layers) in findings.sketched {
      for layer in layers { held[layer.task, default: [:]][model] = layer }
    }
    records += held.sorted { $0.key < $1.key }.map { SketchedLayer.record($1, task: $0) }
    records += findings.solved.sorted { $0.key < $1.key }.map { $1.record(model: $0) }
    return records
  }
}
