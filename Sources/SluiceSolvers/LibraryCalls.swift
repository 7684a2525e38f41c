internal import CLAPACK
internal import Synchronization

/// Calls of OpenBLAS from several threads.
///
/// Lanes work side by side, so the library is set to one thread before its first call: the order of its sums
/// then depends on nothing but the sizes. One that was built for several threads guards its buffers. One that
/// was built for a single thread gives the same buffer to two that call it at the same moment, and both get
/// wrong numbers: its calls go one at a time.
package enum LibraryCalls {
  private static let isForOneThread: Bool = {
    openblas_set_num_threads(1)
    return openblas_get_parallel() == 0
  }()
  private static let lock = Mutex(())

  /// Calls the library.
  package static func perform(_ call: () -> Void) {
    guard isForOneThread else { return call() }
    lock.withLock { _ in call() }
  }
}
