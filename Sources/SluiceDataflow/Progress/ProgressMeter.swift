internal import Synchronization

/// Counts what a run has done; nodes add to it without waiting for anybody.
public final class ProgressMeter: Sendable {
  private struct Phase {
    var name: String
    var start: MonotonicTime
    var lastSample: MonotonicTime
    var lastDone: Int
    var rate = RateEstimate()
  }

  private struct State: Sendable {
    var phase: Phase?
    var isObserved = false
    var isObservationOver = false
    var events: [ProgressEvent] = []
  }

  private let done = Atomic<Int>(0)
  private let total = Atomic<Int>(0)
  private let monitor = Monitor(State())

  /// Creates a meter that is in no phase.
  public init() {}

  /// The bytes done in the present phase.
  public var doneBytes: Int { done.load(ordering: .relaxed) }

  /// The bytes to do in the present phase.
  public var totalBytes: Int { total.load(ordering: .relaxed) }

  /// Counts bytes as done.
  ///
  /// - Parameter byteCount: How many.
  public func advance(by byteCount: Int) { done.wrappingAdd(byteCount, ordering: .relaxed) }

  /// Begins a phase, and finishes the one before if that is still open.
  ///
  /// - Parameters:
  ///   - name: What the phase is called.
  ///   - totalBytes: The bytes to do; 0 if nobody knows.
  ///   - doneBytes: The bytes that an earlier run has done already; they do not count as speed.
  ///   - time: The present.
  public func startPhase(
    _ name: String, totalBytes: Int, doneBytes: Int = 0, at time: MonotonicTime = .now
  ) {
    monitor.withLock { state in
      finishPhase(&state, at: time)
      done.store(doneBytes, ordering: .relaxed)
      total.store(totalBytes, ordering: .relaxed)
      state.phase = Phase(name: name, start: time, lastSample: time, lastDone: doneBytes)
      if state.isObserved, let snapshot = takeSnapshot(&state, at: time) {
        state.events.append(.phaseStarted(snapshot))
      }
    }
  }

  /// Finishes the present phase, if there is one.
  ///
  /// - Parameter time: The present.
  public func finishPhase(at time: MonotonicTime = .now) {
    monitor.withLock { finishPhase(&$0, at: time) }
  }

  /// How far the present phase has come.
  ///
  /// - Parameter time: The present.
  /// - Returns: The state of the phase, or nil between phases.
  public func snapshot(at time: MonotonicTime = .now) -> ProgressSnapshot? {
    monitor.withLock { takeSnapshot(&$0, at: time) }
  }

  /// Begins to keep the events of phases for one observer.
  func startObservation() {
    monitor.withLock { state in
      precondition(!state.isObserved, "a meter has one reporter at a time")
      state.isObserved = true
      state.isObservationOver = false
    }
  }

  /// Wakes the observer for the last time.
  func endObservation() { monitor.withLock { $0.isObservationOver = true } }

  /// Waits for events of phases, at most until a deadline.
  ///
  /// - Parameter deadline: When to come back at the latest.
  /// - Returns: The events in order, and whether the observation is over.
  func nextEvents(before deadline: MonotonicTime) -> (events: [ProgressEvent], isOver: Bool) {
    let news = monitor.wait(before: deadline) { state -> (events: [ProgressEvent], isOver: Bool)? in
      guard !state.events.isEmpty || state.isObservationOver else { return nil }
      defer {
        state.events = []
        if state.isObservationOver { state.isObserved = false }
      }
      return (state.events, state.isObservationOver)
    }
    return news ?? ([], false)
  }

  private func finishPhase(_ state: inout State, at time: MonotonicTime) {
    if state.isObserved, let snapshot = takeSnapshot(&state, at: time) {
      state.events.append(.phaseFinished(snapshot))
    }
    state.phase = nil
  }

  private func takeSnapshot(_ state: inout State, at time: MonotonicTime) -> ProgressSnapshot? {
    guard var phase = state.phase else { return nil }
    let done = doneBytes
    phase.rate.add(Double(done - phase.lastDone), in: time.seconds(since: phase.lastSample))
    if time > phase.lastSample {
      phase.lastSample = time
      phase.lastDone = done
    }
    state.phase = phase
    return ProgressSnapshot(
      phase: phase.name, doneBytes: done, totalBytes: totalBytes,
      elapsedSeconds: time.seconds(since: phase.start), bytesPerSecond: phase.rate.perSecond ?? 0)
  }
}
