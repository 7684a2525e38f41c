internal import Synchronization

/// Hands the strips of a list of tensors to lanes, one at a time and in order.
///
/// A tensor's strips follow each other; the tensors come in the order given, so that a later pass
/// can begin with what the page cache still holds.
public final class StripQueue: Sendable {
  private struct Position {
    var task = 0
    var strip = 0
  }

  private let tasks: [TensorTask]
  private let granularity: Granularity
  private let next = Mutex(Position())

  /// Makes a queue.
  ///
  /// - Parameters:
  ///   - tasks: The tensors, in the order in which to visit them.
  ///   - granularity: The sizes of the run.
  public init(_ tasks: [TensorTask], granularity: Granularity) {
    self.tasks = tasks
    self.granularity = granularity
  }

  /// Takes the next strip.
  ///
  /// - Returns: The strip, or nil when all have been taken.
  public func take() -> Strip? {
    next.withLock { position in
      guard position.task < tasks.count else { return nil }
      let task = tasks[position.task]
      let strip = Strip(task, index: position.strip, granularity: granularity)
      if strip.isLast {
        position = Position(task: position.task + 1, strip: 0)
      } else {
        position.strip += 1
      }
      return strip
    }
  }
}
