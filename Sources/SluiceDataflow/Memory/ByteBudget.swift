internal import Synchronization

/// A ceiling for the memory of a run: bytes are leased before they are used.
///
/// The plan has made sure that all leases fit, so nobody ever waits for bytes; one that does not fit is
/// an error of the plan. What waits are channels, which are bounded in bytes, and pools.
package final class ByteBudget: Sendable {
  /// How many bytes may be leased at any time.
  package let limit: Int
  private let leased = Atomic<Int>(0)
  private let highest = Atomic<Int>(0)

  /// Creates a budget of which nothing is leased.
  package init(limit: Int) {
    precondition(limit >= 0, "a limit is not negative")
    self.limit = limit
  }

  /// The bytes leased now.
  package var leasedBytes: Int { leased.load(ordering: .relaxed) }

  /// The most bytes that were leased at one time.
  package var peakBytes: Int { highest.load(ordering: .relaxed) }

  /// Leases bytes.
  ///
  /// - Parameter byteCount: How many.
  /// - Returns: A lease that lasts until it is released or dropped.
  /// - Throws: ``DataflowError`` if they do not fit.
  package func acquire(_ byteCount: Int) throws(DataflowError) -> ByteLease {
    precondition(byteCount >= 0, "a lease is not negative")
    let sum = leased.add(byteCount, ordering: .relaxed).newValue
    guard sum <= limit else {
      release(byteCount)
      throw .leaseTooLarge(byteCount, available: limit - (sum - byteCount))
    }
    highest.max(sum, ordering: .relaxed)
    return ByteLease(byteCount, from: self)
  }

  func release(_ byteCount: Int) { leased.subtract(byteCount, ordering: .relaxed) }
}
