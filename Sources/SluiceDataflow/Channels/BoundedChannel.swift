/// A queue between threads that holds a limited number of bytes: who sends into a full one waits, and
/// so does who receives from an empty one.
///
/// An element that is larger than the limit travels alone.
///
/// Any number of threads may send and receive. Elements of one sender arrive in order, each at one
/// receiver, and the channel keeps no reference to an element that has left it.
package final class BoundedChannel<Element: EdgeElement>: GraphChannel {
  private typealias StateMachine = BoundedChannelStateMachine<Element>

  /// The name of the channel, for reports.
  package let name: String
  /// The most bytes that it holds.
  package let byteBound: Int

  private let cancellation: Cancellation
  private let monitor: Monitor<StateMachine>
  private let registration: CancellationRegistration

  /// Creates an empty channel.
  ///
  /// - Parameters:
  ///   - byteBound: The most bytes that its elements may hold, at least one.
  ///   - cancellation: What ends all waiting, and drops the elements inside.
  ///   - name: The name, for reports.
  package init(byteBound: Int, cancellation: Cancellation, name: String) {
    self.name = name
    self.byteBound = byteBound
    self.cancellation = cancellation
    let monitor = Monitor(StateMachine(byteBound: byteBound))
    self.monitor = monitor
    registration = cancellation.onCancel {
      // The lease of an element is freed at once, and outside of the lock.
      _ = monitor.withLock { $0.abandon() }
    }
  }

  /// How many elements are inside.
  var count: Int { monitor.withLock { $0.count } }

  /// How many threads are waiting for room or elements now.
  var waitingThreadCount: Int { monitor.waitingThreadCount }

  /// What crossed it up to now.
  package var metrics: EdgeMetrics {
    monitor.withLock { state in
      EdgeMetrics(
        name: name, contract: .queued(byteBound: byteBound), elementCount: state.sentCount,
        byteCount: state.sentByteCount, peakByteCount: state.peakByteCount)
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
    // An element is for one receiver.
    let outcome: StateMachine.SendOutcome = monitor.wait(
      in: .senders, waking: .one(.receivers)
    ) { state in
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
    // There may be room for several smaller ones now.
    let outcome: StateMachine.ReceiveOutcome? = monitor.wait(
      in: .receivers, waking: .all(.senders)
    ) { state in
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

  /// Ends the receiving, for all receivers, and drops what is left.
  package func abandon() -> Int { monitor.withLock { $0.abandon() }.count }
}

extension Monitor.Queue {
  /// Who waits for room in a channel.
  fileprivate static var senders: Self { .first }
  /// Who waits for elements of a channel.
  fileprivate static var receivers: Self { .second }
}
