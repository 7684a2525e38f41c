internal import SluiceCore
internal import SluiceFormats
package import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// Prepares a merge that many processes do: what it is, how it is cut, and its files in their full length.
///
/// All steps can be repeated: whoever prepares the same again finds it prepared.
package struct SharePreparation {
  /// How a preparation ended.
  package enum Outcome: Sendable {
    /// The run is prepared now.
    case prepared(SharedPlan)
    /// It was prepared before.
    case wasPrepared(SharedPlan)
    /// The output holds the merged model.
    case wasFinished
  }

  private let plan: MergePlan
  private let output: String
  private let shareCount: Int

  /// Prepares to prepare; nothing is written yet.
  ///
  /// - Parameters:
  ///   - plan: The merge.
  ///   - output: The directory of the merged model.
  ///   - shareCount: How many shares, from 1 on.
  package init(_ plan: MergePlan, output: String, shareCount: Int) {
    self.plan = plan
    self.output = output
    self.shareCount = shareCount
  }

  /// Prepares.
  ///
  /// - Returns: How it ended.
  /// - Throws: A `SluiceError` with what is in the way.
  package func run() throws -> Outcome {
    try plan.checkDivides()
    try plan.tensors.checkInputs()
    let manifest = try MergeManifest.make(plan, isShared: true)
    let folder = ShareFolder(
      output: output, identity: manifest.identity, shareCount: shareCount)
    let files = OutputDirectory(output, work: folder.files, plan: plan)
    let isNew = try FileStatus.of(folder.work) == nil
    if try isNew && files.isFinished(manifest) { return .wasFinished }
    if isNew { try files.checkIsFree() }
    var directory = try RunDirectory(locking: output, manifest: manifest, plan.options)
    if plan.options.startsOver { try directory.startOver() }
    // Inputs may lie elsewhere for each process, so that only what is in them counts.
    _ = try directory.openJournal(.samples) { _ in }
    if try files.isFinished(manifest) { return .wasFinished }
    if case .prepared(let run) = try SharedRun.look(at: output) {
      guard run.shareCount == shareCount else {
        throw PipelineError.usage(
          "it was prepared with --shares \(run.shareCount)", file: output,
          remedy: "Give that number; --restart throws the work away.")
      }
      return .wasPrepared(try run.prepared(plan, manifest))
    }
    try files.checkIsFree(but: directory.names)
    try DiskNeeds(plan, output: output, spill: nil, finished: FinishedStrips())
      .check(output, making: "the merged model")
    return .prepared(try make(folder, directory, manifest))
  }

  private func make(
    _ folder: ShareFolder, _ directory: RunDirectory, _ manifest: Manifest
  ) throws -> SharedPlan {
    let phases = SharePhase.phases(of: plan.tensors.passes)
    for path in [folder.files] + phases.map({ folder.phase($0) }) { try Directory.create(path) }
    try OutputShards.make(plan.layout, in: folder.files) {
      try directory.names.isOurs($0.fileName)
    }
    let contents = MergeManifest.contents(plan.tensors, manifest)
    let isSliced = PlanSlice.isPossible(plan) && contents.count == plan.tensors.files.count
    if isSliced {
      try Directory.create(folder.plan)
      try writeSlices(folder, contents)
    }
    let recipe = plan.recipe.resolvedText(WrittenPaths(.absolute, from: folder.work))
    try AtomicFile.write(
      Array(recipe.utf8), to: "\(folder.work)/\(ShareFolder.recipeName)")
    let description = SharedRun.description(
      folder, phases, SharedRun.Settings(plan.options, spill: plan.spill.codec), isSliced: isSliced)
    try AtomicFile.write(description, to: "\(folder.work)/\(ShareFolder.descriptionName)")
    guard case .prepared(let run) = try SharedRun.look(at: output),
      run.recipe.fingerprint == plan.recipe.fingerprint
    else {
      throw PipelineError(
        Failure(
          .internal, subject: Subject(file: output),
          message: "the recipe was not read back as it was written",
          remedy: "Merge it on one machine, with sluice run."))
    }
    return try run.prepared(plan, manifest)
  }
}

extension SharePreparation {
  /// Writes what each process must know.
  private func writeSlices(_ folder: ShareFolder, _ contents: [Hash128]) throws {
    let shares = ShareCut(plan.tensors, count: shareCount).shares
    // The largest come first, so that what is left has nothing to do.
    for (number, share) in shares.enumerated() where !share.tasks.isEmpty {
      try write(
        PlanSlice(of: plan, share, contents: contents), to: folder.slice(number),
        of: folder.sliceOwner(number), folder)
    }
    try write(
      PlanSlice(layersOf: plan), to: folder.slice(nil), of: folder.sliceOwner(nil), folder)
  }

  private func write(
    _ slice: PlanSlice, to path: String, of owner: Hash128, _ folder: ShareFolder
  ) throws {
    var records = [JournalRecord(UnitKey(.slice, 0), body: slice.headBytes)]
    let step = 4096
    for start in stride(from: 0, to: slice.tasks.count, by: step) {
      let tasks = slice.tasks[start..<min(start + step, slice.tasks.count)]
      records.append(JournalRecord(UnitKey(.sliceTensors, start), body: slice.taskBytes(tasks)))
    }
    try ShareRecords.write(records, to: path, of: owner, via: folder.plan)
  }
}

extension SharedRun {
  /// The plan of the run, from the plan that it was prepared with.
  fileprivate func prepared(_ plan: MergePlan, _ manifest: Manifest) throws -> SharedPlan {
    guard manifest.identity == folder.identity else {
      throw PipelineError.badInput(
        "its description and its manifest are of different runs", file: output,
        remedy: "Begin anew with sluice prepare and --restart.")
    }
    return SharedPlan(run: self, merge: plan, manifest: manifest)
  }
}
