internal import Synchronization

/// Thrown by every blocking call of a run that was cancelled.
///
/// It says nothing about the cause and is never shown: the cause is the first error, which
/// ``Cancellation`` keeps and the run throws.
package struct CancelledError: Error, Hashable {
  /// Creates the marker.
  package init() {}
}

/// The end of a run before its time, for everyone who takes part in it.
///
/// The first error wins. From then on every blocked channel and pool of the run throws
/// ``CancelledError`` at once, and so does every later call. There is no way back.
package final class Cancellation: Sendable {
  private struct State: Sendable {
    var error: (any Error)?
    var stopReason: StopReason?
    var handlers: [Int: @Sendable () -> Void] = [:]
    var nextHandler = 0
  }

  private let cancelled = Atomic<Bool>(false)
  private let state = Monitor(State())

  /// Creates one that nobody has cancelled.
  package init() {}

  /// Whether the run is cancelled.
  package var isCancelled: Bool { cancelled.load(ordering: .acquiring) }

  /// The first error, if the run is cancelled.
  package var error: (any Error)? { state.withLock { $0.error } }

  /// Why the run was stopped, if that is what ended it.
  package var stopReason: StopReason? { state.withLock { $0.stopReason } }

  /// Ends the run, unless it has been ended before.
  ///
  /// Takes locks, so it may be called from any thread but not from a signal handler.
  ///
  /// - Parameter error: The cause.
  package func cancel(_ error: any Error) { cancel(error, stopReason: nil) }

  /// Ends the run on request, unless it has been ended before.
  ///
  /// - Parameter reason: Who asked; it decides about the error that the run throws.
  package func stop(_ reason: StopReason) {
    cancel(DataflowError.stopped(reason), stopReason: reason)
  }

  /// Throws if the run is cancelled; to be called now and then by long computations.
  package func check() throws(CancelledError) {
    if isCancelled { throw CancelledError() }
  }

  /// Throws the cause if the run is cancelled; to be called once all others have ended.
  package func throwFirstError() throws {
    if let error { throw error }
  }

  /// Registers an action that wakes or ends something when the run is cancelled.
  ///
  /// - Parameter action: Called once, on the thread that cancels or, if that has happened already,
  ///   at once. It must not wait for a node of the run.
  /// - Returns: A registration that lasts as long as it is kept.
  package func onCancel(
    _ action: @escaping @Sendable () -> Void
  ) -> CancellationRegistration {
    let identifier: Int? = state.withLock { state in
      guard state.error == nil else { return nil }
      defer { state.nextHandler += 1 }
      state.handlers[state.nextHandler] = action
      return state.nextHandler
    }
    if identifier == nil { action() }
    return CancellationRegistration(self, identifier)
  }

  fileprivate func removeHandler(_ identifier: Int) {
    // What the handler holds is freed after the lock: it may hold registrations of its own.
    _ = state.withLock { $0.handlers.removeValue(forKey: identifier) }
  }

  private func cancel(_ error: any Error, stopReason: StopReason?) {
    let handlers = state.withLock { state -> [Int: @Sendable () -> Void] in
      guard state.error == nil else { return [:] }
      state.error = error
      state.stopReason = stopReason
      cancelled.store(true, ordering: .releasing)
      defer { state.handlers = [:] }
      return state.handlers
    }
    for (_, handler) in handlers.sorted(by: { $0.key < $1.key }) { handler() }
  }
}

/// Keeps an action registered with a ``Cancellation`` for as long as it lives.
package final class CancellationRegistration: Sendable {
  private let cancellation: Cancellation
  private let identifier: Int?

  fileprivate init(_ cancellation: Cancellation, _ identifier: Int?) {
    self.cancellation = cancellation
    self.identifier = identifier
  }

  deinit {
    if let identifier { cancellation.removeHandler(identifier) }
  }
}

/// Why a run is ended although nothing went wrong.
package enum StopReason: Sendable, Hashable {
  /// The process got a signal.
  case signal(Int32)
  /// Somebody asked, for the reason given.
  case request(String)
}
