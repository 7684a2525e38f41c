internal import Synchronization

/// Hands the strips of a list of tensors to lanes, one at a time and in order.
///
/// A tensor's strips follow each other; the tensors come in the order given, so that a later pass
/// can begin with what the page cache still holds. Strips that an earlier run finished are left out.
public final class StripQueue: Sendable {
  private struct Position {
    var task = 0
    var strip = 0
  }

  private let tasks: [TensorTask]
  private let granularity: Granularity
  private let isFinished: @Sendable (Int) -> Bool
  private let next = Mutex(Position())

  /// Makes a queue.
  ///
  /// - Parameters:
  ///   - tasks: The tensors, in the order in which to visit them.
  ///   - granularity: The sizes of the run.
  ///   - isFinished: Whether the strip of an ordinal is to be left out.
  public init(
    _ tasks: [TensorTask], granularity: Granularity,
    isFinished: @escaping @Sendable (Int) -> Bool = { _ in false }
  ) {
    self.tasks = tasks
    self.granularity = granularity
    self.isFinished = isFinished
  }

  /// Takes the next strip.
  ///
  /// - Returns: The strip, or nil when all have been taken.
  public func take() -> Strip? {
    next.withLock { position in
      while position.task < tasks.count {
        let task = tasks[position.task]
        let strip = Strip(task, index: position.strip, granularity: granularity)
        if strip.isLast {
          position = Position(task: position.task + 1, strip: 0)
        } else {
          position.strip += 1
        }
        if !isFinished(strip.ordinal) { return strip }
      }
      return nil
    }
  }
}
