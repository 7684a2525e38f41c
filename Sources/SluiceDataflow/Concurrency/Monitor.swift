internal import Glibc

/// A value after a lock, with conditions that threads can wait for.
///
/// Waiting blocks the calling thread, so that only threads made for blocking may wait. Every
/// change that goes through ``withLock(_:)`` or a wait that succeeds wakes all waiters, and each
/// looks again whether its condition holds; one through ``change(wakingIf:)`` only where it may matter, and a wait
/// that says so only those whom it may concern. Waiters are woken once the lock is free: who is woken runs at once, in
/// the place of who woke it, and would wait for it again.
///
/// The lock is not recursive; taking it twice on one thread traps.
@safe package final class Monitor<State: Sendable>: @unchecked Sendable {
  // Safe to share: `state` and the queues' counts are only touched while `mutex` is held. The mutex and
  // the conditions live on the heap at fixed addresses, from `init` to `deinit`, as POSIX demands.
  private var state: State
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let first = WaitingThreads()
  private let second = WaitingThreads()

  /// Threads that wait for the same; most monitors have one queue of them.
  package enum Queue { case first, second }

  /// Whom a change may concern.
  package enum Concern {
    /// Everybody who waits.
    case everybody
    /// All of a queue.
    case all(Queue)
    /// Any one of a queue.
    case one(Queue)
  }

  /// Puts a value after a lock.
  package init(_ state: consuming State) {
    self.state = state
    unsafe mutex = .allocate(capacity: 1)
    // Safe: the attributes are local, and destroyed after the mutex copied them.
    var mutexAttributes = pthread_mutexattr_t()
    unsafe requireSuccess(pthread_mutexattr_init(&mutexAttributes))
    unsafe requireSuccess(
      pthread_mutexattr_settype(&mutexAttributes, Int32(PTHREAD_MUTEX_ERRORCHECK)))
    unsafe requireSuccess(pthread_mutex_init(mutex, &mutexAttributes))
    unsafe requireSuccess(pthread_mutexattr_destroy(&mutexAttributes))
  }

  deinit {
    // Safe: nobody holds a reference, so nobody waits or holds the lock.
    first.destroy()
    second.destroy()
    unsafe requireSuccess(pthread_mutex_destroy(mutex))
    unsafe mutex.deallocate()
  }

  /// Reads or changes the value while no other thread can, then wakes all waiters.
  package func withLock<Result: ~Copyable, Problem: Error>(
    _ body: (inout State) throws(Problem) -> Result
  ) throws(Problem) -> Result {
    lock()
    defer { unlock(waking: .everybody) }
    return try body(&state)
  }

  /// Reads or changes the value while no other thread can, and wakes waiters only where it says so.
  ///
  /// - Parameter body: The change; true if it may be what somebody waits for.
  package func change(wakingIf body: (inout State) -> Bool) {
    lock()
    if body(&state) { return unlock(waking: .everybody) }
    unlock()
  }

  /// Makes all waiters look again, after something outside the value changed.
  package func wakeAll() { withLock { _ in } }

  /// Blocks until an attempt succeeds.
  ///
  /// - Parameters:
  ///   - queue: Where to wait.
  ///   - concern: Whom it may concern that the attempt succeeded.
  ///   - attempt: Tried with the lock held, at first and after each change; nil means not yet.
  ///     It must not block.
  /// - Returns: What the successful attempt returned.
  package func wait<Result>(
    in queue: Queue = .first, waking concern: Concern = .everybody,
    until attempt: (inout State) -> Result?
  ) -> Result {
    lock()
    defer { unlock(waking: concern) }
    if let result = attempt(&state) { return result }
    while true {
      unsafe threads(in: queue).wait(mutex)
      if let result = attempt(&state) { return result }
    }
  }

  /// Blocks until an attempt succeeds or a point in time has come.
  ///
  /// - Parameters:
  ///   - deadline: When to give up.
  ///   - attempt: Tried with the lock held, at first and after each change; nil means not yet. It
  ///     must not block.
  /// - Returns: What the successful attempt returned, or nil after the deadline.
  package func wait<Result>(
    before deadline: MonotonicTime, until attempt: (inout State) -> Result?
  ) -> Result? {
    lock()
    defer { unlock(waking: .everybody) }
    var limit = deadline.timeSpecification
    while true {
      if let result = attempt(&state) { return result }
      if unsafe !first.wait(mutex, before: &limit) { return attempt(&state) }
    }
  }

  /// How many threads are waiting now.
  var waitingThreadCount: Int {
    lock()
    defer { unlock() }
    return first.count + second.count
  }

  private func lock() {
    // Safe: the mutex lives as long as the monitor.
    unsafe requireSuccess(pthread_mutex_lock(mutex))
  }

  private func threads(in queue: Queue) -> WaitingThreads { queue == .first ? first : second }

  private func unlock(waking concern: Concern) {
    // Who begins to wait once the lock is free saw the change.
    let waits = (first.count > 0, second.count > 0)
    unlock()
    switch concern {
    case .everybody:
      if waits.0 { first.wakeAll() }
      if waits.1 { second.wakeAll() }
    case .all(let queue):
      if queue == .first ? waits.0 : waits.1 { threads(in: queue).wakeAll() }
    case .one(let queue):
      if queue == .first ? waits.0 : waits.1 { threads(in: queue).wakeOne() }
    }
  }

  private func unlock() {
    // Safe: this thread holds the mutex.
    unsafe requireSuccess(pthread_mutex_unlock(mutex))
  }
}
