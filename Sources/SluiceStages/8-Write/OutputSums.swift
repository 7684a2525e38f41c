public import SluiceFormats
internal import Synchronization

/// The integrity sums of all merged tensors, put together from those of their strips in any order.
public final class OutputSums: Sendable {
  private let sums: Mutex<[BlockSum]>

  /// Makes empty sums.
  ///
  /// - Parameter taskCount: The number of tensors.
  public init(taskCount: Int) {
    sums = Mutex(Array(repeating: BlockSum(), count: taskCount))
  }

  /// Adds the sum of a strip.
  ///
  /// - Parameters:
  ///   - sum: The sum.
  ///   - task: The ordinal of the tensor's task.
  public func add(_ sum: BlockSum, to task: Int) {
    sums.withLock { $0[task].add(sum) }
  }

  /// The sum of a tensor.
  ///
  /// - Parameter task: The ordinal of the tensor's task.
  /// - Returns: The sum of everything added.
  public func sum(of task: Int) -> BlockSum { sums.withLock { $0[task] } }
}
