internal import Glibc

/// The threads that wait for a condition, after a mutex.
@safe struct WaitingThreads {
  private let condition: UnsafeMutablePointer<pthread_cond_t>
  private let number: UnsafeMutablePointer<Int>

  /// Makes a condition that nobody waits for; `destroy` ends it.
  init() {
    unsafe condition = .allocate(capacity: 1)
    unsafe number = .allocate(capacity: 1)
    unsafe number.initialize(to: 0)
    // Safe: the attributes are local, and destroyed after the condition copied them.
    var attributes = pthread_condattr_t()
    unsafe requireSuccess(pthread_condattr_init(&attributes))
    unsafe requireSuccess(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC))
    unsafe requireSuccess(pthread_cond_init(condition, &attributes))
    unsafe requireSuccess(pthread_condattr_destroy(&attributes))
  }

  /// Frees the condition, which nobody waits for.
  func destroy() {
    // Safe: it was made in `init`, and nobody has it any more.
    unsafe requireSuccess(pthread_cond_destroy(condition))
    unsafe condition.deallocate()
    unsafe number.deallocate()
  }

  /// How many wait; the mutex is held.
  var count: Int { unsafe number.pointee }

  /// Waits until it is woken.
  ///
  /// - Parameter mutex: Is held, and held again when the call returns.
  func wait(_ mutex: UnsafeMutablePointer<pthread_mutex_t>) {
    unsafe number.pointee += 1
    unsafe requireSuccess(pthread_cond_wait(condition, mutex))
    unsafe number.pointee -= 1
  }

  /// Waits until it is woken, or a point in time has come.
  ///
  /// - Parameters:
  ///   - mutex: Is held, and held again when the call returns.
  ///   - limit: The time, of the monotonic clock.
  /// - Returns: Whether it was woken.
  func wait(
    _ mutex: UnsafeMutablePointer<pthread_mutex_t>, before limit: inout timespec
  ) -> Bool {
    unsafe number.pointee += 1
    let status = unsafe pthread_cond_timedwait(condition, mutex, &limit)
    unsafe number.pointee -= 1
    if status != ETIMEDOUT { requireSuccess(status) }
    return status != ETIMEDOUT
  }

  /// Wakes all of them; the mutex need not be held.
  func wakeAll() {
    // Safe: the condition is not destroyed while its monitor is in use.
    unsafe requireSuccess(pthread_cond_broadcast(condition))
  }

  /// Wakes one of them; the mutex need not be held.
  func wakeOne() {
    // Safe: as above.
    unsafe requireSuccess(pthread_cond_signal(condition))
  }
}

/// Traps if a thread function failed: they only do so when they are misused.
func requireSuccess(_ status: Int32) {
  precondition(status == 0, "a thread function failed with error \(status)")
}
