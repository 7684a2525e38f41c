internal import Synchronization

/// The time that threads have spent waiting for one thing, summed over all of them.
public final class BlockedTime: Sendable {
  private let nanoseconds = Atomic<Int64>(0)

  /// Starts at zero.
  public init() {}

  /// The sum in seconds; a wait counts once it is over.
  public var seconds: Double { Double(nanoseconds.load(ordering: .relaxed)) * 1e-9 }

  /// Adds one wait.
  ///
  /// - Parameters:
  ///   - start: When it began.
  ///   - end: When it was over.
  public func add(from start: MonotonicTime, to end: MonotonicTime) {
    nanoseconds.wrappingAdd(end.nanoseconds - start.nanoseconds, ordering: .relaxed)
  }
}
