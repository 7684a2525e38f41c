package import SluiceDataflow

/// Hands the strips of a list of tensors to lanes in order: large ones one at a time, small tensors in
/// runs of neighbours, so that a lane can write what it makes of them at once.
///
/// A tensor's strips follow each other; the tensors come in the order given, so that a later pass
/// can begin with what the page cache still holds. Strips that an earlier run finished are left out.
/// Where a pass looks at tensors again, second looks come as soon as they are asked for, before any
/// other first look.
package final class StripQueue: Sendable {
  private struct State {
    var task = 0
    var strip = 0
    var ready: [Strip] = []
    var awaited: Set<Int>
  }

  private let tasks: [TensorTask]
  private let granularity: Granularity
  private let isFinished: @Sendable (Int) -> Bool
  private let cancellation: Cancellation
  private let monitor: Monitor<State>
  private let registration: CancellationRegistration

  /// Makes a queue.
  ///
  /// - Parameters:
  ///   - tasks: The tensors, in the order in which to visit them.
  ///   - granularity: The sizes of the run.
  ///   - cancellation: Ends waiting.
  ///   - revisited: The ordinals of the tensors that may be looked at again.
  ///   - isFinished: Whether the first look at the strip of an ordinal is to be left out.
  package init(
    _ tasks: [TensorTask], granularity: Granularity, cancellation: Cancellation,
    revisited: Set<Int> = [], isFinished: @escaping @Sendable (Int) -> Bool = { _ in false }
  ) {
    self.tasks = tasks
    self.granularity = granularity
    self.isFinished = isFinished
    self.cancellation = cancellation
    let monitor = Monitor(State(awaited: revisited))
    self.monitor = monitor
    registration = cancellation.onCancel { monitor.wakeAll() }
  }

  /// Whether there are tensors whose elements do not lie one after the other in their file.
  var hasStridedSources: Bool { tasks.contains { $0.hasStridedSource } }

  /// Takes the next strips; waits if all that is left are second looks that nobody asked for yet.
  ///
  /// - Returns: A strip, or at most `Granularity.runTensors` whole tensors that have at most
  ///   `Granularity.runElements` together; none at the end.
  package func take() throws(CancelledError) -> [Strip] {
    let next: [Strip] = monitor.wait { state in
      if cancellation.isCancelled { return [] }
      if !state.ready.isEmpty { return [state.ready.removeFirst()] }
      let run = firstLooks(&state)
      return run.isEmpty && !state.awaited.isEmpty ? nil : run
    }
    try cancellation.check()
    return next
  }

  /// Asks for the second look at a tensor, or says that there will be none.
  package func revisit(at task: TensorTask, _ strips: [Strip]) {
    monitor.withLock { state in
      state.awaited.remove(task.ordinal)
      state.ready += strips.map(\.again)
    }
  }

  private func firstLooks(_ state: inout State) -> [Strip] {
    var run: [Strip] = []
    var elementCount = 0
    while let strip = firstLook(&state, within: Granularity.runElements - elementCount, run) {
      run.append(strip)
      elementCount += strip.elements.count
      let isFull = elementCount >= Granularity.runElements || run.count == Granularity.runTensors
      if isFull || strip.index > 0 || !strip.isLast { break }
    }
    // Also where a pass goes from the last tensor to the first, what is made of a run lies in its order.
    run.sort { $0.ordinal < $1.ordinal }
    for place in run.indices.dropLast() { run[place].endsRun = false }
    return run
  }

  /// The next strip; nil if there is none, or if it does not go with those before it.
  private func firstLook(
    _ state: inout State, within room: Int, _ run: [Strip]
  ) -> Strip? {
    while state.task < tasks.count {
      let task = tasks[state.task]
      if !run.isEmpty, task.elementCount > room { return nil }
      var strip = Strip(task, index: state.strip, granularity: granularity)
      if strip.isLast {
        state.task += 1
        state.strip = 0
      } else {
        state.strip += 1
      }
      guard !isFinished(strip.ordinal) else { continue }
      strip.mayComeAgain = state.awaited.contains(task.ordinal)
      return strip
    }
    return nil
  }
}
