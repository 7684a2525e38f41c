internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// How far a shared run is; found out without getting in anybody's way.
package struct ShareStatus: Sendable {
  /// How far a phase is.
  package struct Phase: Sendable {
    /// The phase.
    package let phase: SharePhase
    /// The shares that are not done.
    package let missing: [Int]
    /// Those of them that somebody is at work on.
    package internal(set) var running: [Int] = []
    /// How often a share was begun.
    package internal(set) var attempts = 0
    /// The seconds that all attempts took, as far as they were recorded.
    package internal(set) var seconds = 0.0
    /// The share that took longest in one attempt, and how long that was.
    package internal(set) var slowest: (share: Int, seconds: Double)?
    /// Whether what its shares found is put together, if that is needed.
    package let isReduced: Bool?
  }

  /// How many shares there are.
  package let shareCount: Int
  /// The phases, in order.
  package private(set) var phases: [Phase] = []

  /// Looks at a run.
  package init(of run: SharedRun) throws {
    shareCount = run.shareCount
    let folder = run.folder
    for phase in run.phases {
      var found = Phase(
        phase: phase, missing: try run.missingShares(phase),
        isReduced: phase == .merge ? nil : try run.isReduced(phase))
      let missing = Set(found.missing)
      for (share, paths) in try folder.attempts(phase) {
        if missing.contains(share), paths.contains(where: { RunLock.holder(in: $0) != nil }) {
          found.running.append(share)
        }
        for path in paths {
          var seconds: Double?
          try ShareRecords.attempt(path, of: folder.owner(phase, share: share)) { record in
            if record.key.kind == .attempt {
              seconds = RunCosts(encoded: record.body)?.seconds
            }
          }
          guard let seconds else { continue }
          found.attempts += 1
          found.seconds += seconds
          if seconds > found.slowest?.seconds ?? -1 { found.slowest = (share, seconds) }
        }
      }
      found.running.sort()
      phases.append(found)
    }
  }
}
