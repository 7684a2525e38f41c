internal import Synchronization

/// The right to use a number of bytes; it travels with the data that fill them.
package final class ByteLease: Sendable {
  /// How many bytes.
  package let byteCount: Int
  private let budget: ByteBudget
  private let released = Atomic<Bool>(false)

  init(_ byteCount: Int, from budget: ByteBudget) {
    self.byteCount = byteCount
    self.budget = budget
  }

  deinit { release() }

  /// Gives the bytes back before the lease is dropped; a second call does nothing.
  package func release() {
    if !released.exchange(true, ordering: .acquiringAndReleasing) { budget.release(byteCount) }
  }
}
