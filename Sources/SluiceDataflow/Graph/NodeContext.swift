/// What the body of a node gets: the end of the run, and the book on its own time.
///
/// It belongs to the thread of the node.
package final class NodeContext {
  /// The name of the node.
  package let name: String
  /// What ends the run before its time.
  package let cancellation: Cancellation

  private let start: MonotonicTime
  private let processorStart: MonotonicTime
  private var clock: ActivityClock
  private var byteCount = 0

  init(name: String, cancellation: Cancellation) {
    self.name = name
    self.cancellation = cancellation
    start = .now
    processorStart = .processorTimeOfThread
    clock = ActivityClock(start: start)
  }

  /// Books the time of a piece of work under an activity; inside another measurement the inner
  /// activity counts.
  package func measure<Result: ~Copyable, Problem: Error>(
    _ activity: NodeActivity, _ body: () throws(Problem) -> Result
  ) throws(Problem) -> Result {
    let outer = enter(activity)
    defer { _ = enter(outer) }
    return try body()
  }

  /// Counts bytes that were worked on.
  package func count(bytes: Int) { byteCount += bytes }

  /// Receives an element, and books the wait.
  ///
  /// - Parameter channel: Where from.
  /// - Returns: The element, or nil once the channel is closed and empty.
  /// - Throws: ``CancelledError``.
  package func receive<Element: EdgeElement>(
    from channel: BoundedChannel<Element>
  ) throws(CancelledError) -> Element? {
    let outer = enter(.blockedOnInput)
    defer { _ = enter(outer) }
    return try channel.receive()
  }

  /// Sends an element, and books the wait.
  package func send<Element: EdgeElement>(
    _ element: consuming Element, to channel: BoundedChannel<Element>
  ) throws(CancelledError) {
    let outer = enter(.blockedOnOutput)
    defer { _ = enter(outer) }
    try channel.send(consume element)
  }

  /// Takes a buffer and books the wait.
  package func take(from pool: BufferPool) throws(CancelledError) -> PooledBuffer {
    let outer = enter(.blockedOnMemory)
    defer { _ = enter(outer) }
    return try pool.take()
  }

  /// Closes the book.
  func finish() -> NodeMetrics {
    let end = MonotonicTime.now
    clock.change(to: .busy, at: end)
    return NodeMetrics(
      name: name, wallSeconds: end.seconds(since: start),
      busySeconds: clock.seconds(.busy),
      blockedOnInputSeconds: clock.seconds(.blockedOnInput),
      blockedOnOutputSeconds: clock.seconds(.blockedOnOutput),
      blockedOnMemorySeconds: clock.seconds(.blockedOnMemory),
      processorSeconds: MonotonicTime.processorTimeOfThread.seconds(since: processorStart),
      byteCount: byteCount)
  }

  private func enter(_ activity: NodeActivity) -> NodeActivity {
    let outer = clock.current
    clock.change(to: activity, at: .now)
    return outer
  }
}
