internal import Glibc
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// Keeps two runs from one output: the lock of a run's work directory.
struct RunLock {
  static let fileName = "lock"

  /// Nil where the file system has no locks.
  private let lock: FileLock?

  /// Whether another run would be kept away.
  var isExclusive: Bool { lock != nil }

  /// Takes the lock of a work directory, which must exist.
  init(in directory: String, output: String) throws {
    switch try FileLock.take("\(directory)/\(RunLock.fileName)", note: "process \(getpid())") {
    case .taken(let lock): self.lock = lock
    case .unsupported: lock = nil
    case .busy(let holder):
      throw PipelineError(
        Failure(
          .stopped, subject: Subject(file: output),
          message: "another run is at work on this output (\(holder.isEmpty ? "unknown" : holder))",
          remedy: "Wait for it to end, or choose another --out."))
    }
  }

  /// Says who is at work in a work directory, without getting in the way.
  static func holder(in directory: String) -> String? {
    FileLock.holder(of: "\(directory)/\(fileName)")
  }
}
