internal import Glibc
internal import SluiceCore
internal import SluiceFormats

/// The output of a search.
///
///     OUT/search.journal        every evaluation that was finished; stays
///     OUT/search.json           the result
///     OUT/recipe.yaml           the recipe with the factors filled in
///     OUT/best/NAME             the best candidates, if they are kept
///     OUT/.sluice-search/       the lock, stores, candidates at work, notes of running evaluators
struct SearchDirectory {
  static let workName = ".sluice-search"

  let path: String
  let work: String
  private let lock: FileLock?
  private let held: (output: OwnedDirectory, work: OwnedDirectory)

  /// Makes the directories where they are missing, and locks them.
  init(locking path: String) throws {
    self.path = Directory.absolute(path)
    work = "\(self.path)/\(SearchDirectory.workName)"
    let output = try OwnedDirectory(self.path, .users)
    held = (output, try OwnedDirectory(work, .runs))
    try Directory.syncIfAllowed(Directory.parent(of: self.path))
    switch try FileLock.take("\(work)/lock", note: "process \(getpid())") {
    case .taken(let lock): self.lock = lock
    case .unsupported: lock = nil
    case .busy(let holder):
      throw SearchError(
        Failure(
          .stopped, subject: Subject(file: path),
          message: "another search is at work on this output "
            + "(\(holder.isEmpty ? "unknown" : holder))",
          remedy: "Wait for it to end, or choose another --out."))
    }
  }

  /// Locks an output, and ends and removes what a killed search left in it.
  static func begin(
    _ path: String, _ onEvent: (SearchEvent) -> Void
  ) throws -> SearchDirectory {
    let directory = try SearchDirectory(locking: path)
    let ended = EvaluatorDirectory.endLeftovers(in: directory.work)
    if ended > 0 { onEvent(.endedLeftovers(ended)) }
    try directory.removeCandidates()
    return directory
  }

  /// Whether another search would be kept away.
  var isLocked: Bool { lock != nil }

  /// The directory of a candidate at work.
  func candidate(_ job: Int) -> String { "\(work)/candidate-\(job)" }

  /// Where the evaluation at work keeps its finished layers.
  var evaluation: String { "\(work)/evaluation" }

  /// Removes the candidates that a killed search left.
  func removeCandidates() throws {
    for entry in try Directory.list(work) where entry.name.hasPrefix("candidate-") {
      try Directory.remove("\(work)/\(entry.name)")
    }
  }

  /// Removes what is only needed while a search is at work; the lock last.
  func finish() throws {
    try Directory.remove(work)
    try Directory.sync(path)
  }
}
