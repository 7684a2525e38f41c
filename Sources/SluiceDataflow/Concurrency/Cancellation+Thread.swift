internal import Glibc

/// Where a thread keeps what ends its work.
private let key: pthread_key_t = {
  var key = pthread_key_t()
  // Safe: the call fills the local value.
  let status = unsafe pthread_key_create(&key, nil)
  precondition(status == 0, "the system has no room for one more value of threads")
  return key
}()

extension Cancellation {
  /// What ends the node of a graph that runs on this thread; nil on other threads.
  ///
  /// For what waits far below a node, where nobody else knows of the run.
  package static var ofThisThread: Cancellation? {
    // Safe: `asThatOfThisThread` keeps the object for as long as the pointer is there.
    unsafe pthread_getspecific(key).map {
      unsafe Unmanaged<Cancellation>.fromOpaque($0).takeUnretainedValue()
    }
  }

  /// Does something during which this is what ends the thread's work.
  func asThatOfThisThread<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = unsafe pthread_getspecific(key)
    // Safe: this object outlives the body, behind which the pointer is replaced.
    _ = unsafe pthread_setspecific(key, Unmanaged.passUnretained(self).toOpaque())
    defer { _ = unsafe pthread_setspecific(key, before) }
    return try body()
  }
}
