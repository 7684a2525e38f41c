internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// Puts together what all shares found in a phase, so that the next can begin: rates of linear layers from what
/// all surveys said of them.
package struct ShareReduction {
  private let plan: SharedPlan
  private var folder: ShareFolder { plan.folder }

  package init(_ plan: SharedPlan) { self.plan = plan }

  /// Puts the surveys together.
  ///
  /// - Throws: `PipelineError` with the shares that are missing.
  package func run() throws {
    let tensors = plan.merge.tensors
    guard let survey = tensors.passes.lazy.compactMap({ $0 as? SurveyPass }).first,
      plan.run.phases.contains(.survey)
    else { return }
    try plan.run.checkAll(.survey)
    var layers: [Int: ShareLayer] = [:]
    for share in 0..<plan.run.shareCount {
      try plan.read(.survey, share, layer: { layers[$0] = $1 }, others: { _ in })
    }
    let statistics = try plan.statistics(layers)
    // Of its own, so that two at once are in nobody's way.
    let aside = folder.newAttempt(.survey, 0) + ".rates"
    try Directory.create(aside)
    do {
      try ShareRecords.write(
        survey.rates(of: statistics).records, to: folder.rates,
        of: folder.owner(.survey, "rates"), via: aside)
    } catch {
      try? Directory.remove(aside)
      throw error
    }
    try Directory.remove(aside)
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
    guard let records = try ShareRecords.read(path, of: folder.owner(phase, share: share)) else {
      throw PipelineError.goneRun(folder.output)
    }
    for record in records {
      guard record.key.kind == .layer else {
        try others(record)
        continue
      }
      guard merge.tasks.indices.contains(record.key.ordinal),
        let found = ShareLayer(
          record.body, of: merge.tasks[record.key.ordinal], modelCount: merge.tensors.modelCount)
      else { throw ShareRecords.damaged(path, "a layer that the merge does not have") }
      layer(record.key.ordinal, found)
    }
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
