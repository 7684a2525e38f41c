internal import Synchronization

/// Counts what a run has done; nodes add to it without waiting for anybody.
package final class ProgressMeter: Sendable {
  private struct Phase {
    var name: String
    /// Its place among the announced phases, from 0.
    var index: Int
    var start: MonotonicTime
    var lastSample: MonotonicTime
    var lastDone: Int
    var rate = RateEstimate()
  }

  private struct State: Sendable {
    var phase: Phase?
    /// The phases that are expected, with the bytes to do in each.
    var expected: [(name: String, byteCount: Int)] = []
    /// The place of the last phase that was expected.
    var index = 0
    var isObserved = false
    var isObservationOver = false
    var events: [ProgressEvent] = []
  }

  private let done = Atomic<Int>(0)
  private let total = Atomic<Int>(0)
  private let monitor = Monitor(State())

  /// Creates a meter that is in no phase.
  package init() {}

  /// The bytes done in the present phase.
  package var doneBytes: Int { done.load(ordering: .relaxed) }

  /// The bytes to do in the present phase.
  package var totalBytes: Int { total.load(ordering: .relaxed) }

  /// Counts bytes as done.
  package func advance(by byteCount: Int) { done.wrappingAdd(byteCount, ordering: .relaxed) }

  /// Tells which phases are to come, so that the time left in all can be told.
  ///
  /// A phase that is not among them counts as part of the one before.
  ///
  /// - Parameter phases: The phases in order, with the bytes to do in each.
  package func expect(_ phases: [(name: String, byteCount: Int)]) {
    monitor.withLock { $0.expected = phases }
  }

  /// Begins a phase, and finishes the one before if that is still open.
  ///
  /// - Parameters:
  ///   - name: What the phase is called.
  ///   - totalBytes: The bytes to do; 0 if nobody knows.
  ///   - doneBytes: The bytes that an earlier run has done already; they do not count as speed.
  ///   - time: The present.
  package func startPhase(
    _ name: String, totalBytes: Int, doneBytes: Int = 0, at time: MonotonicTime = .now
  ) {
    monitor.withLock { state in
      finishPhase(&state, at: time)
      done.store(doneBytes, ordering: .relaxed)
      total.store(totalBytes, ordering: .relaxed)
      let rest = state.expected.indices.dropFirst(state.index)
      state.index = rest.first { state.expected[$0].name == name } ?? state.index
      state.phase = Phase(
        name: name, index: state.index, start: time, lastSample: time, lastDone: doneBytes)
      if state.isObserved, let snapshot = takeSnapshot(&state, at: time) {
        state.events.append(.phaseStarted(snapshot))
      }
    }
  }

  /// Finishes the present phase, if there is one.
  package func finishPhase(at time: MonotonicTime = .now) {
    monitor.withLock { finishPhase(&$0, at: time) }
  }

  /// How far the present phase has come.
  package func snapshot(at time: MonotonicTime = .now) -> ProgressSnapshot? {
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
      phase: phase.name, number: phase.index + 1, phaseCount: max(1, state.expected.count),
      laterBytes: state.expected.dropFirst(phase.index + 1).reduce(0) { $0 + $1.byteCount },
      doneBytes: done, totalBytes: totalBytes,
      elapsedSeconds: time.seconds(since: phase.start), bytesPerSecond: phase.rate.perSecond ?? 0)
  }
}
