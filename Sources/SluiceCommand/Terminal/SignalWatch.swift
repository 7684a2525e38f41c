internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
internal import SluiceDataflow

/// Turns the signals that ask a program to end into the end of a run that keeps its work.
///
/// Their handler only passes the number on to a thread that waits for it, since threads of libraries,
/// which nobody asked to block signals, may be those that get it. The threads of the run block them,
/// so that no call of theirs is interrupted. The first signal stops the run; a second one ends the
/// process at once, which is safe at any moment, since what the journal holds is on the disk.
enum SignalWatch {
  /// Starts to watch; to be called before other threads are started, as they inherit what is blocked.
  static func start(stopping cancellation: Cancellation) throws {
    ignore()
    // SAFETY: the set is a local variable, and copied into the thread.
    var signals = sigset_t()
    unsafe sigemptyset(&signals)
    let numbers = [SIGINT, SIGTERM, SIGHUP].filter { !isIgnored($0) }
    for number in numbers { unsafe sigaddset(&signals, number) }
    unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
    var descriptor: Int32 = -1
    // SAFETY: the numbers are read before the call returns.
    let error = unsafe sluice_catch_signals(numbers, Int32(numbers.count), &descriptor)
    guard error == 0 else {
      throw DataflowError.threadNotStarted("signals", systemError: error)
    }
    let (watched, source) = (signals, descriptor)
    // Nobody joins it: it waits until the process ends.
    _ = try NamedThread(name: "signals") {
      var signals = watched
      unsafe pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      var isStopping = false
      while true {
        let number = sluice_next_signal(source)
        guard number > 0 else { return }
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
