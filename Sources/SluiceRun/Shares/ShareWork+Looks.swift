internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

extension ShareWork {
  /// Looks at the tensors of the share, and leaves what the phases behind this one need of it.
  ///
  /// - Returns: Whether they need the frames in the directory of this attempt.
  func look(
    _ tensors: TensorPlan, _ directory: RunDirectory, _ journal: WorkFile, _ meter: CostMeter
  ) throws -> Bool {
    var earlier = MergeProgress()
    let known = try takeKnown(&earlier, directory)
    return try MergeWork.attempt(
      tensors, in: directory, journal, earlier: earlier, damaged: [], meter: meter,
      cancellation: cancellation, shards: OutputShards(sharing: tensors.layout, in: folder.files),
      frames: phase == .survey ? nil : SharedFrames(earlier, in: folder)
    ) { work in
      var left = Left()
      if let last = tensors.passes.first(where: { phase.ends(with: $0) }),
        !last.tasks(tensors).isEmpty
      {
        let run = try passRun(tensors, work, known)
        var findings = PassFindings(plan.merge.passInputs)
        for pass in tensors.passes.prefix(while: { !phase.ends(with: $0) }) {
          try pass.run(run, &findings)
        }
        left = try look(last, tensors, run, &findings, work)
        left.frames = work.packs ? work.spill?.records : nil
        work.didPeak()
      }
      return try leave(left, in: directory)
    }
  }

  /// What a share found in a phase.
  private struct Left {
    /// The histograms, the tensors that they are of, and the kind of their units.
    var spectra: (records: StripRecords, tasks: [TensorTask], kind: UnitKind)?
    /// The frames of the same tensors.
    var frames: StripRecords?
    var records: [JournalRecord] = []
  }

  /// Runs the last pass of the phase, as far as it needs no other share.
  private func look(
    _ pass: any TensorPass, _ tensors: TensorPlan, _ run: PassRun, _ findings: inout PassFindings,
    _ work: MergeWork
  ) throws -> Left {
    switch pass {
    case let survey as SurveyPass:
      try survey.look(run, &findings)
      let linear = tensors.linearTasks
      let layers = linear.indices.map { position in
        ShareLayer(statistics: findings.statistics.layers.map { $0[position] })
          .record(of: linear[position])
      }
      return Left(spectra: (work.store.records, linear, .survey), records: layers)
    case let trim as TrimPass:
      let survey = try trim.count(run, findings)
      guard phase == .threshold else {
        let records = try trim.bins(in: survey, tensors).enumerated().map {
          $1.record(.trimBins, model: $0)
        }
        let store = (survey as? Survey)?.store.records ?? work.store.records
        return Left(spectra: (store, trim.tasks(tensors), .trimStatistics), records: records)
      }
      let borders = trim.borders(of: try plan.trimBins())
      return Left(
        records: try trim.magnitudes(in: borders, survey, tensors).enumerated().map {
          $1.record(.trimMagnitudes, model: $0)
        })
    case let majority as MajorityPass:
      return Left(records: [.majority(try majority.count(run, findings))])
    default: preconditionFailure("a pass that no phase ends with")
    }
  }

  /// Writes what was found, in an order that depends on nothing but the share; frames stay where they are.
  private func leave(_ left: Left, in directory: RunDirectory) throws -> Bool {
    let tensors = plan.merge.tensors
    var strips: [JournalRecord] = []
    if let frames = left.frames {
      // Nobody is made to change to others that somebody may be reading.
      if try plan.run.isDone(phase, share: share) { return false }
      try frames.file.sync()
      try Directory.sync(directory.work)
      strips.append(.spills(to: Directory.name(of: directory.work)))
    }
    var spectra: AtomicFile?
    if plan.keepsSpectra(phase) {
      let file = try AtomicFile(to: folder.spectra(phase, share), via: directory.work)
      for task in (left.spectra?.tasks ?? []).sorted(by: { $0.ordinal < $1.ordinal }) {
        for strip in tensors.strips(task) {
          let slots = try (0..<tensors.modelCount).map { model in
            guard let bytes = try left.spectra?.records.record(strip: strip.ordinal, model: model)
            else { preconditionFailure("a counted strip has a histogram of every model") }
            let slot = StripRecords.Slot(
              offset: file.byteCount, byteCount: bytes.count, hash: Hash128(of: bytes))
            try file.append(bytes)
            return slot
          }
          strips.append(
            JournalRecord(
              UnitKey(left.spectra?.kind ?? .survey, strip.ordinal),
              workByteCount: strip.inputByteCount, body: StripRecords.Slot.encode(slots)))
          if let slots = left.frames?.slots(strip: strip.ordinal) {
            strips.append(.spilled(strip, slots))
          }
        }
      }
      spectra = file
    }
    try tensors.checkInputs()
    if let spectra {
      try AtomicFile.publish([
        spectra,
        ShareRecords.file(
          strips, to: folder.strips(phase, share), of: folder.stripsOwner(phase, share),
          via: directory.work),
      ])
    }
    try ShareRecords.write(
      left.records, to: folder.done(phase, share), of: owner, via: directory.work)
    return left.frames != nil
  }

  /// Takes what the phases before this one left of the share, and what followed from all shares.
  func takeKnown(
    _ earlier: inout MergeProgress, _ directory: RunDirectory
  ) throws -> KnownFindings {
    let before = plan.run.phases.prefix { $0 != phase }
    if let missing = try before.first(where: { try !plan.run.isReduced($0) }) {
      throw PipelineError.notReduced(folder.output, missing)
    }
    for phase in before where plan.keepsSpectra(phase) {
      // Only the phase behind the trim needs its histograms.
      guard phase == .survey || self.phase == .threshold else { continue }
      let isThere = try ShareRecords.forEach(
        in: folder.strips(phase, share), of: folder.stripsOwner(phase, share)
      ) { earlier.apply($0) }
      guard isThere else { throw PipelineError.goneRun(folder.output) }
      let name = phase == .survey ? RunFile.statistics : UnitKind.trimStatistics.rawValue
      try AtomicFile.copy(
        folder.spectra(phase, share), to: directory.workPath(name), via: directory.work,
        waits: false)
    }
    return try plan.known(before: phase)
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
