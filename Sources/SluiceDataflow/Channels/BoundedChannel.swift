/// A queue of limited length between threads: who sends into a full one waits, and so does who
/// receives from an empty one.
///
/// Any number of threads may send and receive. Elements of one sender arrive in order, each at one
/// receiver, and the channel keeps no reference to an element that has left it.
package final class BoundedChannel<Element: Sendable>: GraphChannel {
  private typealias StateMachine = BoundedChannelStateMachine<Element>

  /// The name of the channel, for reports.
  package let name: String
  /// How many elements it can hold.
  package let capacity: Int

  private let cancellation: Cancellation
  private let monitor: Monitor<StateMachine>
  private let registration: CancellationRegistration
  private let sendBlockedTime = BlockedTime()
  private let receiveBlockedTime = BlockedTime()

  /// Creates an empty channel.
  ///
  /// - Parameters:
  ///   - capacity: How many elements it can hold, at least one.
  ///   - senderCount: How many senders must finish before the channel closes by itself. It does
  ///     not matter where a ``Graph`` closes the channel.
  ///   - cancellation: What ends all waiting, and drops the elements inside.
  ///   - name: The name, for reports.
  package init(capacity: Int, senderCount: Int = 1, cancellation: Cancellation, name: String) {
    self.name = name
    self.capacity = capacity
    self.cancellation = cancellation
    let monitor = Monitor(StateMachine(capacity: capacity, senderCount: senderCount))
    self.monitor = monitor
    registration = cancellation.onCancel {
      // The lease of an element is freed at once, and outside of the lock.
      _ = monitor.withLock { $0.abandon() }
    }
  }

  /// How many elements are inside.
  package var count: Int { monitor.withLock { $0.count } }

  /// How many threads are waiting for room or elements now.
  var waitingThreadCount: Int { monitor.waitingThreadCount }

  /// How busy it was up to now.
  package var metrics: ChannelMetrics {
    monitor.withLock { state in
      ChannelMetrics(
        name: name, capacity: capacity, sentCount: state.sentCount,
        receivedCount: state.receivedCount, peakCount: state.peakCount,
        sendBlockedSeconds: sendBlockedTime.seconds,
        receiveBlockedSeconds: receiveBlockedTime.seconds)
    }
  }

  /// Sends an element, and waits for room if need be.
  ///
  /// Traps if the channel is closed. If its receivers are gone the element cannot be worked on,
  /// which is an error of the run and cancels it.
  ///
  /// - Parameter element: The element.
  /// - Throws: ``CancelledError``.
  package func send(_ element: consuming Element) throws(CancelledError) {
    // Moved, not copied: a receiver may drop the element before this call returns.
    var pending: Element? = consume element
    let outcome: StateMachine.SendOutcome = monitor.wait(timing: sendBlockedTime) { state in
      if cancellation.isCancelled { return .abandoned }
      let outcome = state.send(&pending)
      return outcome == .full ? nil : outcome
    }
    precondition(outcome != .closed, "an element was sent into the closed channel \(name)")
    if outcome == .abandoned {
      cancellation.cancel(DataflowError.abandonedChannel(name))
      throw CancelledError()
    }
  }

  /// Receives the oldest element, and waits for one if need be.
  ///
  /// - Returns: The element, or nil once the channel is closed and empty.
  /// - Throws: ``CancelledError``.
  package func receive() throws(CancelledError) -> Element? {
    let outcome: StateMachine.ReceiveOutcome? = monitor.wait(timing: receiveBlockedTime) { state in
      if cancellation.isCancelled { return .some(nil) }
      let outcome = state.receive()
      if case .empty = outcome { return nil }
      return outcome
    }
    switch outcome {
    case .element(let element): return element
    case .finished, .empty: return nil
    case nil: throw CancelledError()
    }
  }

  /// Ends the sending, for all senders; a second call does nothing.
  package func close() { monitor.withLock { $0.close() } }

  /// Ends the sending for one of the senders; the last one closes the channel.
  package func finishSender() { monitor.withLock { $0.finishSender() } }

  /// Ends the receiving, for all receivers, and drops what is left.
  package func abandon() -> Int { monitor.withLock { $0.abandon() }.count }
}
