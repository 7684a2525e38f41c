internal import Glibc
internal import SluiceCore
internal import SluiceDataflow

/// Turns the signals that ask a program to end into the end of a run that keeps its work.
///
/// The signals are blocked in all threads, and one thread waits for them: so nothing happens inside
/// a signal handler. The first signal stops the run; a second one ends the process at once, which
/// is safe at any moment, since what the journal holds is on the disk.
enum SignalWatch {
  /// Starts to watch; to be called before other threads are started, as they inherit what is blocked.
  static func start(stopping cancellation: Cancellation) throws {
    ignore()
    // SAFETY: the set is a local variable, and copied into the thread.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
      unsafe sigaddset(&signals, number)
    }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    let watched = signals
    // Nobody joins it: it waits until the process ends.
    _ = try NamedThread(name: "signals") {
      var signals = watched
      var isStopping = false
      while true {
        var number: Int32 = 0
        // SAFETY: both are local variables.
        guard unsafe sigwait(&signals, &number) == 0 else { continue }
        if isStopping { _exit(DataflowError.exitCode(ofSignal: number).rawValue) }
        isStopping = true
        cancellation.stop(.signal(number))
      }
    }
  }

  /// Lets writes fail with an error, where a signal would end the process: output that nobody reads
  /// any more, and files above the limit of their size.
  private static func ignore() {
    _ = signal(SIGPIPE, SIG_IGN)
    _ = signal(SIGXFSZ, SIG_IGN)
  }

  /// Whether whoever started the process wants it to survive a signal, as `nohup` does.
  private static func isIgnored(_ number: Int32) -> Bool {
    // SAFETY: the record is a local variable; only whether its handler is a known one is looked at.
    var action = sigaction()
    guard unsafe sigaction(number, nil, &action) == 0 else { return false }
    let handler = unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
    return unsafe handler == unsafeBitCast(SIG_IGN, to: Int.self)
  }
}
