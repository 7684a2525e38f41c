package import SluiceFormats
internal import Synchronization

/// The integrity sums of all merged tensors, put together from those of their strips in any order.
package final class OutputSums: Sendable {
  private let sums: Mutex<[BlockSum]>

  /// Makes empty sums.
  package init(taskCount: Int) {
    sums = Mutex(Array(repeating: BlockSum(), count: taskCount))
  }

  /// Adds the sums of strips.
  package func add(_ finished: [StripLedger.Finished]) {
    sums.withLock { sums in
      for (strip, sum) in finished { sums[strip.task.ordinal].add(sum) }
    }
  }

  /// Adds the sum of a strip.
  package func add(_ sum: BlockSum, to task: Int) {
    sums.withLock { $0[task].add(sum) }
  }

  /// The sums of all tensors, by the ordinals of their tasks.
  package var all: [BlockSum] { sums.withLock { $0 } }

  /// The sum of a tensor.
  package func sum(of task: Int) -> BlockSum { sums.withLock { $0[task] } }
}
