internal import SluiceCore
internal import SluiceFormats
package import SluicePlan
package import SluiceRecipe
internal import SluiceStages

/// The plan of a shared run, as every process of it makes it.
package struct SharedPlan: Sendable {
  package let run: SharedRun
  /// The plan of the whole merge.
  package let merge: MergePlan
  /// Empty where only a part is planned.
  let manifest: Manifest
  /// The shares, each with the bytes that are read and written when it is merged; none where only a part is
  /// planned.
  package let shares: [ShareCut.Share]
  /// The share that is planned, and its bytes; nil if it is the whole merge.
  private let part: (share: Int?, byteCount: Int)?

  init(run: SharedRun, merge: MergePlan, manifest: Manifest) {
    self.run = run
    self.merge = merge
    self.manifest = manifest
    shares = ShareCut(merge.tensors, count: run.shareCount).shares
    part = nil
  }

  /// The plan of a share alone, or of what puts surveys together.
  init(run: SharedRun, slice: MergePlan, share: Int?, byteCount: Int) {
    self.run = run
    merge = slice
    manifest = Manifest()
    shares = []
    part = (share, byteCount)
  }

  var folder: ShareFolder { run.folder }

  /// The plan of a share's tensors, and the bytes that are read and written when they are merged.
  func tensors(of share: Int) -> (plan: TensorPlan, byteCount: Int) {
    guard let part else { return (merge.tensors.doing(shares[share]), shares[share].byteCount) }
    precondition(part.share == share, "only the share that was planned")
    return (merge.tensors, part.byteCount)
  }
  /// The phases, in order.
  package var phases: [SharePhase] { run.phases }
}

extension SharedRun {
  /// Plans a share as a process of the run does it.
  ///
  /// - Parameters:
  ///   - recipe: The recipe of the run, with the paths of this machine.
  ///   - options: How this process does its part.
  ///   - share: The share; nil for what puts surveys together.
  /// - Returns: A plan of the share alone where there is a slice of it, else one of the whole run.
  /// - Throws: `PipelineError` with what differs from what was prepared.
  package func plan(
    _ recipe: MergeRecipe, _ options: RunOptions, share: Int?
  ) throws -> SharedPlan {
    guard isSliced else { return try plan(recipe, options) }
    guard preparedBy == SluiceVersion.current else {
      throw PipelineError.otherRun(output, [("sluice", SluiceVersion.current, preparedBy)])
    }
    let slice = try slice(share)
    let names = ["base"] + recipe.models.map(\.name)
    let merge = try MergePlan(slice, of: recipe, options: settings.applied(to: options)) {
      file, noted in
      let content = try Fingerprint(of: file).content
      guard file.byteCount == noted.byteCount, content == noted.content else {
        throw PipelineError.otherRun(
          output,
          [
            (
              "input.\(names[noted.model]).\(noted.name)", content.hexadecimal,
              noted.content.hexadecimal
            )
          ])
      }
    }
    merge.tensors.limitReadAhead()
    return SharedPlan(run: self, slice: merge, share: share, byteCount: slice.byteCount)
  }

  /// What was noted of a share; nothing of one that has nothing to do.
  private func slice(_ share: Int?) throws -> PlanSlice {
    let path = folder.slice(share)
    guard let records = try ShareRecords.read(path, of: folder.sliceOwner(share)) else {
      guard share != nil else { throw PipelineError.goneRun(output) }
      var slice = try self.slice(nil)
      (slice.tasks, slice.strips, slice.byteCount) = ([], [], 0)
      return slice
    }
    guard let head = records.first, var slice = PlanSlice(head: head.body),
      slice.modelCount == recipe.models.count,
      records.dropFirst().allSatisfy({ slice.add(tasks: $0.body) })
    else { throw ShareRecords.damaged(path, "it is no part of a plan") }
    return slice
  }
}
