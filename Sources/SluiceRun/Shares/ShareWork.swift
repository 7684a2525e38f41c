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

  let plan: SharedPlan
  let share: Int
  let phase: SharePhase
  private let progress: ProgressMeter
  let cancellation: Cancellation
  private let kernels: Kernels

  var folder: ShareFolder { plan.folder }
  var owner: Hash128 { folder.owner(phase, share: share) }

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
    let (tensors, byteCount) = plan.tensors(of: share)
    expect(tensors, byteCount)
    let path = folder.newAttempt(phase, share)
    do {
      // Who is killed with the machine leaves nothing to go on with: only what gets its name is waited for, since the disk is busy
      // with what other shares write.
      try Directory.create(path, waitsForName: false)
      let directory = try RunDirectory(
        locking: path, manifest: plan.manifest, plan.merge.options, work: path)
      let journal = try WorkFile.create(at: directory.workPath(RunDirectory.journalName))
      try journal.write(JournalFormat.header(manifest: owner), at: 0)
      var leavesFrames = false
      do {
        if phase == .merge {
          try merge(tensors, directory, journal, meter)
        } else {
          leavesFrames = try look(tensors, directory, journal, meter)
        }
      } catch {
        throw RunEnd.error(error, cancellation, directory)
      }
      try tidy(directory, but: leavesFrames ? RunFile.spill : nil)
      _ = try isStillWanted()
    } catch {
      // Whoever ended the run took the ground from under this attempt.
      guard try isStillWanted() else { throw PipelineError.goneRun(folder.output) }
      throw error
    }
    return .done
  }

  /// Whether the run is still there; nothing of this attempt is left in one that others finished meanwhile.
  private func isStillWanted() throws -> Bool {
    switch try SharedRun.look(at: folder.output) {
    case .prepared(let run): return run.folder.run == folder.run
    case .finished:
      try? ShareFinish.tidy(folder.output)
      return false
    case nil: return false
    }
  }

  /// Tells whoever watches what is to be done.
  private func expect(_ tensors: TensorPlan, _ byteCount: Int) {
    guard let last = tensors.passes.firstIndex(where: { phase.ends(with: $0) }) else { return }
    progress.expect(
      tensors.passes[...last].map { pass in
        let bytes =
          pass is MergePass ? byteCount : pass.bytesRead(tensors)
        return (pass.name, bytes)
      })
  }

  /// Leaves the journal alone: it is looked at until the run is finished.
  private func tidy(_ directory: RunDirectory, but kept: String?) throws {
    for entry in try Directory.list(directory.work)
    where ![RunDirectory.journalName, RunLock.fileName, kept].contains(entry.name) {
      try Directory.remove(directory.workPath(entry.name))
    }
  }
}

extension ShareWork {
  /// What every pass of the share runs in.
  func passRun(_ tensors: TensorPlan, _ work: MergeWork, _ known: KnownFindings) throws -> PassRun {
    PassRun(
      try RunContext(
        tensors, work: work, kernels: kernels, progress: progress, cancellation: cancellation),
      kernels: kernels, known: known)
  }
}
