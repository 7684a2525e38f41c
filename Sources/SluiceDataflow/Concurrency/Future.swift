internal import Synchronization

/// A value that a thread of its own makes, for whoever has something else to do until it is needed.
package final class Future<Value: Sendable>: Sendable {
  private let thread: NamedThread
  private let state = State()

  private final class State: Sendable {
    let result = Mutex<Result<Value, any Error>?>(nil)
    let isJoined = Atomic<Bool>(false)
  }

  /// Starts to make a value.
  ///
  /// - Parameters:
  ///   - name: The name of the thread.
  ///   - body: Makes the value.
  /// - Throws: ``DataflowError`` if the system has no thread left.
  package init(
    _ name: String, _ body: @escaping @Sendable () throws -> Value
  ) throws(DataflowError) {
    thread = try NamedThread(name: name) { [state] in
      let result = Result { try body() }
      state.result.withLock { $0 = result }
    }
  }

  deinit { join() }

  /// The value, once it is made.
  ///
  /// - Throws: What making it threw.
  package func value() throws -> Value {
    join()
    guard let result = state.result.withLock({ $0 }) else {
      preconditionFailure("a thread that ended has made its value")
    }
    return try result.get()
  }

  /// Waits for the thread, unless that was done before; asked by one thread at a time.
  private func join() {
    guard !state.isJoined.exchange(true, ordering: .acquiringAndReleasing) else { return }
    thread.join()
  }
}
