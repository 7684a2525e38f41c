internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// Puts together what all shares found in a phase, so that the next can begin: rates of linear layers from what
/// all surveys said of them, the cut of a model, a majority.
package struct ShareReduction {
  private let plan: SharedPlan
  private let phase: SharePhase
  private var folder: ShareFolder { plan.folder }

  package init(_ plan: SharedPlan, _ phase: SharePhase) {
    self.plan = plan
    self.phase = phase
  }

  /// Puts a phase together.
  ///
  /// - Throws: `PipelineError` with the shares that are missing.
  package func run() throws {
    guard phase != .merge, plan.run.phases.contains(phase) else { return }
    try plan.run.checkAll(phase)
    let records = try records()
    // Of its own, so that two at once are in nobody's way.
    let aside = folder.newAttempt(phase, 0) + ".reduce"
    try Directory.create(aside)
    do {
      try ShareRecords.write(
        records, to: folder.reduced(phase), of: folder.reducedOwner(phase), via: aside)
    } catch {
      try? Directory.remove(aside)
      throw error
    }
    try Directory.remove(aside)
  }

  /// What follows from all shares.
  private func records() throws -> [JournalRecord] {
    let passes = plan.merge.tensors.passes
    guard let pass = passes.first(where: { phase.ends(with: $0) }) else { return [] }
    switch pass {
    case let survey as SurveyPass:
      var layers: [Int: ShareLayer] = [:]
      try forEachShare { share in
        try plan.read(phase, share, layer: { layers[$0] = $1 }, others: { _ in })
      }
      let statistics = try plan.statistics(layers)
      return survey.rates(of: statistics).records(statistics.tasks)
    case let trim as TrimPass:
      var counts = plan.merge.tensors.modelNames.map { _ in TrimBins() }
      try forEachShare { share in
        try plan.read(phase, share, layer: { _, _ in }) { record in
          try plan.add([record], to: &counts, from: folder.done(phase, share))
        }
      }
      guard phase == .threshold else {
        return counts.enumerated().map { $1.record(.trimBins, model: $0) }
      }
      guard let cuts = trim.cuts(try plan.trimBins(), counts) else {
        throw ShareRecords.damaged(
          folder.phase(phase), "there are not as many magnitudes as were counted before")
      }
      return cuts.cuts.enumerated().map { $1.record(model: $0) }
    case is MajorityPass:
      var sum = 0
      try forEachShare { share in
        try plan.read(phase, share, layer: { _, _ in }) { record in
          guard let count = record.majority, (sum + count).magnitude < JournalFormat.numberLimit
          else { throw ShareRecords.damaged(folder.done(phase, share), "no number of signs") }
          sum += count
        }
      }
      return [.majority(sum)]
    default: return []
    }
  }

  private func forEachShare(_ body: (Int) throws -> Void) throws {
    for share in 0..<plan.run.shareCount { try body(share) }
  }
}

extension SharedRun {
  /// Refuses to go on without all shares.
  package func checkAll(_ phase: SharePhase) throws {
    let missing = try missingShares(phase)
    guard missing.isEmpty else {
      throw PipelineError(
        Failure(
          .stopped, subject: Subject(file: output),
          message: "the phase \(phase.rawValue) is not done of \(missing.count) of "
            + "\(shareCount) shares: \(ShareNumber.list(missing))",
          remedy: "Do them with sluice work, then give the same command again."))
    }
  }
}

extension SharedPlan {
  /// Reads what is left of a share that is done.
  func read(
    _ phase: SharePhase, _ share: Int, layer: (Int, ShareLayer) -> Void,
    others: (JournalRecord) throws -> Void
  ) throws {
    let path = folder.done(phase, share)
    let isThere = try ShareRecords.forEach(in: path, of: folder.owner(phase, share: share)) {
      record in
      guard record.key.kind == .layer else { return try others(record) }
      guard let task = merge.tensors.task(record.key.ordinal),
        let found = ShareLayer(record.body, of: task, modelCount: merge.tensors.modelCount)
      else { throw ShareRecords.damaged(path, "a layer that the merge does not have") }
      layer(record.key.ordinal, found)
    }
    if !isThere { throw PipelineError.goneRun(folder.output) }
  }

  /// The statistics of all linear layers, as the survey of one machine has them.
  func statistics(_ layers: [Int: ShareLayer]) throws -> LayerStatistics {
    let tasks = merge.linearTasks
    let found = try tasks.map { task in
      guard let layer = layers[task.ordinal] else {
        throw PipelineError(
          Failure(
            .internal, subject: Subject(file: folder.output, tensor: task.name),
            message: "no share says anything of this layer"))
      }
      return layer.statistics
    }
    return LayerStatistics(
      tasks: tasks,
      layers: (0..<merge.tensors.modelCount).map { model in found.map { $0[model] } })
  }
}
