internal import Synchronization

/// Counts the bytes that are leased from a budget and its sub-budgets together, and their peak.
final class ByteMeter: Sendable {
  private let parent: ByteMeter?
  private let current = Atomic<Int>(0)
  private let highest = Atomic<Int>(0)

  init(parent: ByteMeter? = nil) { self.parent = parent }

  var currentBytes: Int { current.load(ordering: .relaxed) }
  var peakBytes: Int { highest.load(ordering: .relaxed) }

  /// Adds a lease here and in all meters above.
  func add(_ byteCount: Int) {
    let sum = current.add(byteCount, ordering: .relaxed).newValue
    highest.max(sum, ordering: .relaxed)
    parent?.add(byteCount)
  }

  /// Takes a lease away here and in all meters above.
  func subtract(_ byteCount: Int) {
    current.subtract(byteCount, ordering: .relaxed)
    parent?.subtract(byteCount)
  }
}
