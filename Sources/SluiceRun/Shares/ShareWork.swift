internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// One attempt at one share: what is left of a phase of it.
///
/// Nobody is kept from doing the same at the same time: both write the same bytes to the same places.
package struct ShareWork {
  /// What became of an attempt.
  package enum Outcome: Sendable, Hashable {
    /// The phase of the share is done now.
    case done
    /// It was done already.
    case wasDone
  }

  private let plan: SharedPlan
  private let share: Int
  private let phase: SharePhase
  private let progress: ProgressMeter
  private let cancellation: Cancellation
  private let kernels: Kernels

  private var folder: ShareFolder { plan.folder }
  private var owner: Hash128 { folder.owner(phase, share: share) }

  /// Prepares an attempt; nothing is written yet.
  ///
  /// - Parameters:
  ///   - plan: The run.
  ///   - phase: The phase.
  ///   - share: The share.
  ///   - progress: Counts what is done.
  ///   - cancellation: What ends the work before its time.
  /// - Throws: `PipelineError` if the processor has not the vector units that were asked for.
  package init(
    _ plan: SharedPlan, _ phase: SharePhase, share: Int, progress: ProgressMeter = ProgressMeter(),
    cancellation: Cancellation = Cancellation()
  ) throws {
    self.plan = plan
    self.phase = phase
    self.share = share
    self.progress = progress
    self.cancellation = cancellation
    kernels = try plan.merge.options.kernels()
  }

  /// Does what is left.
  ///
  /// - Returns: What became of it.
  /// - Throws: A `SluiceError`; what was finished of a merge is gone on with by the next attempt.
  package func run() throws -> Outcome {
    if try plan.run.isDone(phase, share: share) { return .wasDone }
    guard try FileStatus.of(folder.phase(phase)) != nil else {
      throw PipelineError.goneRun(folder.output)
    }
    let meter = CostMeter()
    let tensors = plan.merge.tensors.doing(plan.cut.shares[share])
    expect(tensors)
    let path = folder.newAttempt(phase, share)
    do {
      let directory = try RunDirectory(
        locking: path, manifest: plan.manifest, plan.merge.options, work: path)
      let journal = try Journal.createFile(
        at: directory.workPath(RunDirectory.journalName), manifest: owner)
      do {
        switch phase {
        case .survey: try survey(tensors, directory, journal, meter)
        case .merge: try merge(tensors, directory, journal, meter)
        }
      } catch {
        throw RunEnd.error(error, cancellation, directory)
      }
      try tidy(directory)
    } catch {
      // Whoever ended the run took the ground from under this attempt.
      guard case .prepared = try SharedRun.look(at: folder.output) else {
        throw PipelineError.goneRun(folder.output)
      }
      throw error
    }
    return .done
  }

  /// Tells whoever watches what is to be done.
  private func expect(_ tensors: TensorPlan) {
    let survey = tensors.passes.firstIndex { $0 is SurveyPass } ?? 0
    let passes = phase == .survey ? tensors.passes[...survey] : tensors.passes[...]
    progress.expect(
      passes.map { pass in
        let bytes =
          pass is MergePass ? plan.cut.shares[share].byteCount : pass.bytesRead(tensors)
        return (pass.name, bytes)
      })
  }

  /// Leaves the journal alone: it is looked at until the run is finished.
  private func tidy(_ directory: RunDirectory) throws {
    for entry in try Directory.list(directory.work)
    where ![RunDirectory.journalName, RunLock.fileName].contains(entry.name) {
      try Directory.remove(directory.workPath(entry.name))
    }
  }
}

extension ShareWork {
  /// Counts the linear layers of the share, and leaves their histograms and what rates follow from.
  private func survey(
    _ tensors: TensorPlan, _ directory: RunDirectory, _ journal: WorkFile, _ meter: CostMeter
  ) throws {
    try MergeWork.attempt(
      tensors, in: directory, journal, earlier: MergeProgress(), damaged: [], meter: meter,
      cancellation: cancellation, shards: OutputShards(sharing: tensors.layout, in: folder.files)
    ) { work in
      var findings = PassFindings(plan.merge.passInputs)
      guard !tensors.linearTasks.isEmpty else {
        return try leave([], findings, work, in: directory)
      }
      let run = try passRun(tensors, work)
      for pass in tensors.passes {
        if let survey = pass as? SurveyPass {
          try survey.look(run, &findings)
          break
        }
        try pass.run(run, &findings)
      }
      work.didPeak()
      try leave(tensors.linearTasks, findings, work, in: directory)
    }
  }

  private func leave(
    _ linear: [TensorTask], _ findings: PassFindings, _ work: MergeWork, in directory: RunDirectory
  ) throws {
    let tensors = plan.merge.tensors
    let spectra = try AtomicFile(to: folder.spectra(share), via: directory.work)
    var records: [JournalRecord] = []
    for task in linear.sorted(by: { $0.ordinal < $1.ordinal }) {
      for strip in tensors.strips(task) {
        let slots = try (0..<tensors.modelCount).map { model in
          guard let bytes = try work.store.records.record(strip: strip.ordinal, model: model) else {
            preconditionFailure("a counted strip has a histogram of every model")
          }
          let slot = StripRecords.Slot(
            offset: spectra.byteCount, byteCount: bytes.count, hash: Hash128(of: bytes))
          try spectra.append(bytes)
          return slot
        }
        records.append(.surveyed(strip, slots, isRefined: false))
      }
    }
    for (position, task) in linear.enumerated() {
      let statistics = findings.statistics.layers.map { $0[position] }
      records.append(ShareLayer(statistics: statistics).record(of: task))
    }
    try tensors.checkInputs()
    try spectra.publish()
    try ShareRecords.write(
      records, to: folder.done(phase, share), of: owner, via: directory.work)
  }

  /// What every pass of the share runs in.
  private func passRun(
    _ tensors: TensorPlan, _ work: MergeWork, _ rates: LayerRates? = nil
  ) throws -> PassRun {
    PassRun(
      try RunContext(
        tensors, work: work, kernels: kernels, progress: progress, cancellation: cancellation),
      kernels: kernels, knownRates: rates)
  }
}

extension ShareWork {
  /// Merges the strips of the share that no attempt has merged yet.
  private func merge(
    _ tensors: TensorPlan, _ directory: RunDirectory, _ journal: WorkFile, _ meter: CostMeter
  ) throws {
    var earlier = try mergedBefore()
    let rates = try takeSurvey(&earlier, directory)
    let damaged = try FinishedWorkCheck(
      plan: tensors, directory: directory, shardDirectory: folder.files, cancellation: cancellation
    ).damagedUnits(in: earlier, plan.merge.options.resumeCheck)
    for unit in damaged { earlier.undo(unit) }
    let findings = try MergeWork.attempt(
      tensors, in: directory, journal, earlier: earlier, damaged: damaged, meter: meter,
      cancellation: cancellation, shards: OutputShards(sharing: tensors.layout, in: folder.files)
    ) { work in
      guard !tensors.tasks.isEmpty else { return PassFindings(plan.merge.passInputs) }
      let findings = try passRun(tensors, work, rates).run(
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

  /// Takes what the survey of the share left, and the rates that followed from all surveys.
  private func takeSurvey(
    _ earlier: inout MergeProgress, _ directory: RunDirectory
  ) throws -> LayerRates? {
    guard plan.run.phases.contains(.survey) else { return nil }
    let survey = folder.owner(.survey, share: share)
    guard
      let records = try ShareRecords.read(folder.rates, of: folder.owner(.survey, "rates")),
      let surveyed = try ShareRecords.read(folder.done(.survey, share), of: survey)
    else { throw PipelineError.notReduced(folder.output, .survey) }
    guard let rates = LayerRates(records, modelCount: plan.merge.tensors.modelCount) else {
      throw ShareRecords.damaged(folder.rates, "its rates are not those of the models")
    }
    try AtomicFile.copy(
      folder.spectra(share), to: directory.workPath(RunFile.statistics), via: directory.work)
    for record in surveyed { earlier.apply(record) }
    return rates
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
    return records
  }
}

extension PipelineError {
  static func notReduced(_ output: String, _ phase: SharePhase) -> PipelineError {
    PipelineError(
      Failure(
        .stopped, subject: Subject(file: output),
        message: "the phase \(phase.rawValue) is not put together yet",
        remedy: "Do it for all shares, then give sluice reduce."))
  }
}
