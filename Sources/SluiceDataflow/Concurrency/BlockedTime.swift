internal import Synchronization

/// The time that threads have spent waiting for one thing, summed over all of them.
package final class BlockedTime: Sendable {
  private let nanoseconds = Atomic<Int64>(0)

  /// Starts at zero.
  package init() {}

  /// The sum in seconds; a wait counts once it is over.
  package var seconds: Double { Double(nanoseconds.load(ordering: .relaxed)) * 1e-9 }

  /// Adds one wait.
  package func add(from start: MonotonicTime, to end: MonotonicTime) {
    nanoseconds.wrappingAdd(end.nanoseconds - start.nanoseconds, ordering: .relaxed)
  }
}
