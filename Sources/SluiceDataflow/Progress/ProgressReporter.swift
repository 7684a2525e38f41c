/// Tells a sink how a run goes on, from a thread of its own: at each phase, and now and then.
package final class ProgressReporter {
  /// How often a line on a terminal is renewed.
  package static let terminalInterval = Duration.milliseconds(200)
  /// How often a plain line is written elsewhere.
  package static let plainInterval = Duration.seconds(10)

  private let meter: ProgressMeter
  private var thread: NamedThread?

  /// Starts to report.
  ///
  /// - Parameters:
  ///   - meter: What to report; it has one reporter at a time.
  ///   - interval: How often, apart from the beginnings and ends of phases; more than zero.
  ///   - sink: Where to; called on the reporter's thread, in order.
  /// - Throws: ``DataflowError`` if the system has no thread left.
  package init(
    _ meter: ProgressMeter, every interval: Duration,
    sink: @escaping @Sendable (ProgressEvent) -> Void
  ) throws(DataflowError) {
    precondition(interval > .zero, "an interval has a length")
    self.meter = meter
    meter.startObservation()
    do throws(DataflowError) {
      thread = try NamedThread(name: "progress") {
        ProgressReporter.report(meter, every: interval, to: sink)
      }
    } catch {
      meter.endObservation()
      _ = meter.nextEvents(before: .now)
      throw error
    }
  }

  deinit { stop() }

  /// Reports what is still to be told, and ends at once; a second call does nothing.
  package func stop() {
    guard let thread else { return }
    meter.endObservation()
    thread.join()
    self.thread = nil
  }

  private static func report(
    _ meter: ProgressMeter, every interval: Duration, to sink: (ProgressEvent) -> Void
  ) {
    var next = MonotonicTime.now.advanced(by: interval)
    while true {
      let (events, isOver) = meter.nextEvents(before: next)
      for event in events { sink(event) }
      if isOver { return }
      let now = MonotonicTime.now
      guard now >= next else { continue }
      if let snapshot = meter.snapshot(at: now) { sink(.advanced(snapshot)) }
      next = now.advanced(by: interval)
    }
  }
}
