internal import Synchronization

/// The right to use a number of bytes; it travels with the data that fill them.
public final class ByteLease: Sendable {
  /// How many bytes.
  public let byteCount: Int
  private let budget: ByteBudget
  private let released = Atomic<Bool>(false)

  init(_ byteCount: Int, from budget: ByteBudget) {
    self.byteCount = byteCount
    self.budget = budget
  }

  deinit { release() }

  /// Gives the bytes back before the lease is dropped; a second call does nothing.
  public func release() {
    if !released.exchange(true, ordering: .acquiringAndReleasing) { budget.release(byteCount) }
  }
}
