internal import Glibc

/// A value after a lock, with a condition that threads can wait for.
///
/// Waiting blocks the calling thread, so that only threads made for blocking may wait. Every
/// change that goes through ``withLock(_:)`` or a wait that succeeds wakes all waiters, and each
/// looks again whether its condition holds; one through ``change(wakingIf:)`` only where it may matter.
///
/// The lock is not recursive; taking it twice on one thread traps.
@safe package final class Monitor<State: Sendable>: @unchecked Sendable {
  // Safe to share: `state` and `waiterCount` are only touched while `mutex` is held. The mutex and
  // the condition live on the heap at fixed addresses, from `init` to `deinit`, as POSIX demands.
  private var state: State
  private var waiterCount = 0
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let condition: UnsafeMutablePointer<pthread_cond_t>

  /// Puts a value after a lock.
  package init(_ state: consuming State) {
    self.state = state
    unsafe mutex = .allocate(capacity: 1)
    unsafe condition = .allocate(capacity: 1)
    // Safe: both attributes are local, and destroyed after the objects copied them.
    var mutexAttributes = pthread_mutexattr_t()
    unsafe requireSuccess(pthread_mutexattr_init(&mutexAttributes))
    unsafe requireSuccess(
      pthread_mutexattr_settype(&mutexAttributes, Int32(PTHREAD_MUTEX_ERRORCHECK)))
    unsafe requireSuccess(pthread_mutex_init(mutex, &mutexAttributes))
    unsafe requireSuccess(pthread_mutexattr_destroy(&mutexAttributes))
    var conditionAttributes = pthread_condattr_t()
    unsafe requireSuccess(pthread_condattr_init(&conditionAttributes))
    unsafe requireSuccess(pthread_condattr_setclock(&conditionAttributes, CLOCK_MONOTONIC))
    unsafe requireSuccess(pthread_cond_init(condition, &conditionAttributes))
    unsafe requireSuccess(pthread_condattr_destroy(&conditionAttributes))
  }

  deinit {
    // Safe: nobody holds a reference, so nobody waits or holds the lock.
    unsafe requireSuccess(pthread_cond_destroy(condition))
    unsafe requireSuccess(pthread_mutex_destroy(mutex))
    unsafe condition.deallocate()
    unsafe mutex.deallocate()
  }

  /// Reads or changes the value while no other thread can, then wakes all waiters.
  package func withLock<Result: ~Copyable, Problem: Error>(
    _ body: (inout State) throws(Problem) -> Result
  ) throws(Problem) -> Result {
    lock()
    defer { unlockAndWake() }
    return try body(&state)
  }

  /// Reads or changes the value while no other thread can, and wakes waiters only where it says so.
  ///
  /// - Parameter body: The change; true if it may be what somebody waits for.
  package func change(wakingIf body: (inout State) -> Bool) {
    lock()
    if body(&state) { return unlockAndWake() }
    unlock()
  }

  /// Makes all waiters look again, after something outside the value changed.
  package func wakeAll() { withLock { _ in } }

  /// Blocks until an attempt succeeds.
  ///
  /// - Parameter attempt: Tried with the lock held, at first and after each change; nil means not yet.
  ///   It must not block.
  /// - Returns: What the successful attempt returned.
  package func wait<Result>(until attempt: (inout State) -> Result?) -> Result {
    lock()
    defer { unlockAndWake() }
    if let result = attempt(&state) { return result }
    waiterCount += 1
    defer { waiterCount -= 1 }
    while true {
      // Safe: this thread holds the mutex, and gets it back before the call returns.
      unsafe requireSuccess(pthread_cond_wait(condition, mutex))
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
    defer { unlockAndWake() }
    waiterCount += 1
    defer { waiterCount -= 1 }
    var limit = deadline.timeSpecification
    while true {
      if let result = attempt(&state) { return result }
      // Safe: as above; the time is a local value that the call only reads.
      let status = unsafe pthread_cond_timedwait(condition, mutex, &limit)
      if status == ETIMEDOUT { return attempt(&state) }
      requireSuccess(status)
    }
  }

  /// How many threads are waiting now.
  var waitingThreadCount: Int {
    lock()
    defer { unlockAndWake() }
    return waiterCount
  }

  private func lock() {
    // Safe: the mutex lives as long as the monitor.
    unsafe requireSuccess(pthread_mutex_lock(mutex))
  }

  private func unlockAndWake() {
    // Safe: this thread holds the mutex, and both objects live as long as the monitor.
    if waiterCount > 0 { unsafe requireSuccess(pthread_cond_broadcast(condition)) }
    unlock()
  }

  private func unlock() {
    // Safe: as above.
    unsafe requireSuccess(pthread_mutex_unlock(mutex))
  }
}

/// Traps if a thread function failed: they only do so when they are misused.
private func requireSuccess(_ status: Int32) {
  precondition(status == 0, "a thread function failed with error \(status)")
}
