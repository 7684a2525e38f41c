internal import CLAPACK
internal import Glibc
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

  /// The addresses that the library maps for a thread when it first works there (128 MiB on x86-64), and
  /// half as many for what the thread maps besides.
  private static let threadBytes = 192 << 20

  /// Checks that the library gets its memory: where addresses are limited (`ulimit -v`, `-d`) it would not
  /// fail but ask again without end.
  ///
  /// - Parameter threads: How many threads call it.
  /// - Throws: `SolverError` if this process may not have as many addresses.
  package static func checkAddresses(threads: Int) throws(SolverError) {
    let byteCount = threads * threadBytes
    // Only addresses are asked for: no page of them is touched.
    // SAFETY: a mapping of its own, which nothing else knows.
    let start = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let start = unsafe start, unsafe start != MAP_FAILED else {
      throw .noAddresses(threads: threads, byteCount: byteCount)
    }
    unsafe munmap(start, byteCount)
  }

  /// Calls the library.
  package static func perform(_ call: () -> Void) {
    guard isForOneThread else { return call() }
    lock.withLock { _ in call() }
  }
}
