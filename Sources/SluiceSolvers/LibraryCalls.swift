internal import CLAPACK
internal import Synchronization

/// Calls of OpenBLAS from several threads.
///
/// A library that was built for one thread gives the same buffer to two that call it at the same moment, and
/// both get wrong numbers: its calls go one at a time. One that was built for several guards its buffers.
package enum LibraryCalls {
  private static let isForOneThread = openblas_get_parallel() == 0
  private static let lock = Mutex(())

  /// Whether threads may compute side by side inside of the library.
  package static var areConcurrent: Bool { !isForOneThread }

  /// Calls the library.
  package static func perform(_ call: () -> Void) {
    guard isForOneThread else { return call() }
    lock.withLock { _ in call() }
  }
}
