/// A ceiling for the memory of a run: bytes are leased before they are used.
///
/// A lease that does not fit waits, in the order of asking, until others have been dropped. Parts
/// can be set aside for sub-budgets, whose users then cannot be starved by users of other parts.
package final class ByteBudget: Sendable {
  /// How many bytes may be leased or reserved at any time.
  package let limit: Int

  private let cancellation: Cancellation
  private let parent: ByteBudget?
  private let meter: ByteMeter
  private let monitor: Monitor<ByteBudgetStateMachine>
  private let registration: CancellationRegistration
  private let blockedTime = BlockedTime()

  /// Creates a budget of which nothing is leased.
  ///
  /// - Parameters:
  ///   - limit: How many bytes may be leased at any time, not negative.
  ///   - cancellation: What ends all waiting.
  package convenience init(limit: Int, cancellation: Cancellation) {
    self.init(limit: limit, cancellation: cancellation, parent: nil)
  }

  private init(limit: Int, cancellation: Cancellation, parent: ByteBudget?) {
    self.limit = limit
    self.cancellation = cancellation
    self.parent = parent
    meter = ByteMeter(parent: parent?.meter)
    let monitor = Monitor(ByteBudgetStateMachine(limit: limit))
    self.monitor = monitor
    registration = cancellation.onCancel { monitor.withLock { $0.cancel() } }
  }

  deinit {
    parent?.endReservation(limit)
  }

  /// The bytes leased now, from this budget and its sub-budgets together.
  package var leasedBytes: Int { meter.currentBytes }

  /// The most bytes that were leased at one time, from this budget and its sub-budgets together.
  package var peakBytes: Int { meter.peakBytes }

  /// The bytes that are set aside for sub-budgets.
  package var reservedBytes: Int { monitor.withLock { $0.reservedBytes } }

  /// The time that threads have waited for leases of this budget, sub-budgets not included.
  package var blockedSeconds: Double { blockedTime.seconds }

  /// How many threads are waiting for leases now.
  var waitingThreadCount: Int { monitor.waitingThreadCount }

  /// Leases bytes, and waits for them if need be.
  ///
  /// Traps if the lease is larger than what the budget has apart from its sub-budgets: waiting
  /// could be in vain, and plans are made so that it does not happen.
  ///
  /// - Parameter byteCount: How many.
  /// - Returns: A lease that lasts until it is released or dropped.
  /// - Throws: ``CancelledError``.
  package func acquire(_ byteCount: Int) throws(CancelledError) -> ByteLease {
    let ticket: ByteBudgetStateMachine.Ticket? = monitor.withLock { state in
      guard let (ticket, granted) = state.request(byteCount) else { return nil }
      meter.add(granted)
      return ticket
    }
    guard let ticket else { throw CancelledError() }
    let lease: ByteLease? = monitor.wait(timing: blockedTime) { state in
      if state.isGranted(ticket) { return .some(ByteLease(byteCount, from: self)) }
      // Not a look at `cancellation`: it may be cancelled while the request is still in the queue,
      // and a request that is granted after its thread has left would never come back.
      return state.isCancelled ? .some(nil) : nil
    }
    guard let lease else { throw CancelledError() }
    return lease
  }

  /// Sets bytes aside for users who shall not compete with others.
  ///
  /// - Parameter byteCount: How many.
  /// - Returns: A budget of that size, given back when it and its last lease have been dropped.
  /// - Throws: ``DataflowError`` if so much is not free at once.
  package func reserve(_ byteCount: Int) throws(DataflowError) -> ByteBudget {
    let available: Int? = monitor.withLock { state in
      state.reserve(byteCount) ? nil : state.freeBytes
    }
    if let available { throw .reservationTooLarge(byteCount, available: available) }
    return ByteBudget(limit: byteCount, cancellation: cancellation, parent: self)
  }

  func release(_ byteCount: Int) {
    // Counted down before anybody else can get the bytes, so that the peak is never too high.
    meter.subtract(byteCount)
    monitor.withLock { meter.add($0.release(byteCount)) }
  }

  private func endReservation(_ byteCount: Int) {
    monitor.withLock { meter.add($0.endReservation(byteCount)) }
  }
}
