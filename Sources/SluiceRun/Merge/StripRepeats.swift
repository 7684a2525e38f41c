internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages
internal import Synchronization

/// The strips that a pass which makes a store looks at again: those of tensors that are not counted, those that an earlier attempt
/// counted and did not pack, and those of which too little was kept.
final class StripRepeats: Sendable {
  private struct State {
    var queue: StripQueue?
    /// For each tensor, how many strips are still to be counted.
    var missing: [Int: Int] = [:]
    /// What was kept of strips in this attempt.
    var kept: [Int: [UInt32]] = [:]
    /// What must be kept of counted tensors.
    var floors: [Int: [UInt32?]] = [:]
  }

  private let tasks: [TensorTask]
  private let plan: TensorPlan
  private let histograms: HistogramStore
  private let store: SpillStore
  private let isSpilled: @Sendable (Int) -> Bool
  private let state: Mutex<State>

  init(
    _ tasks: [TensorTask], plan: TensorPlan, work: MergeWork, histograms: HistogramStore,
    store: SpillStore
  ) {
    self.tasks = tasks
    self.plan = plan
    self.histograms = histograms
    self.store = store
    isSpilled = { work.isSpilled($0) }
    var state = State()
    for task in tasks {
      // Nothing is counted of tensors that are kept whole.
      state.missing[task.ordinal] =
        task.role == .linear
        ? plan.strips(of: task).filter { !histograms.records.isComplete(strip: $0) }.count : 0
    }
    self.state = Mutex(state)
  }

  /// The ordinals of the tensors.
  var ordinals: Set<Int> { Set(tasks.map(\.ordinal)) }

  /// The bytes of the strips that are known to come again.
  var inputByteCount: Int {
    tasks.reduce(0) { sum, task in
      plan.strips(task).filter(isKnownToCome).reduce(sum) { $0 + $1.inputByteCount }
    }
  }

  /// Whether a strip was to be looked at again from the beginning.
  func isKnownToCome(_ strip: Strip) -> Bool {
    guard !isSpilled(strip.ordinal) else { return false }
    return strip.task.role != .linear
      || state.withLock { $0.kept[strip.ordinal] == nil }
        && histograms.records.isComplete(strip: strip.ordinal)
  }

  /// Asks for the strips of tensors that are counted already.
  func begin(_ queue: StripQueue) throws {
    let ready = state.withLock { state in
      state.queue = queue
      return tasks.filter { state.missing[$0.ordinal] == 0 }
    }
    for task in ready { queue.revisit(at: task, try strips(of: task)) }
  }

  /// Notes what was kept of a strip.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - floors: For each model the pattern from which on every magnitude was kept.
  func didPack(_ strip: Strip, _ floors: [UInt32]) {
    state.withLock { $0.kept[strip.ordinal] = floors }
  }

  /// Takes note of a counted strip, and asks for those of its tensor that must come again if it was the last one.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: `FormatError` if histograms cannot be read.
  func didSurvey(_ strip: Strip) throws {
    let queue: StripQueue? = state.withLock { state in
      guard let missing = state.missing[strip.task.ordinal] else { return nil }
      state.missing[strip.task.ordinal] = missing - 1
      return missing == 1 ? state.queue : nil
    }
    guard let queue else { return }
    queue.revisit(at: strip.task, try strips(of: strip.task))
  }

  /// For each model the smallest pattern that must be kept of a counted tensor.
  func floors(of task: TensorTask) -> [UInt32?]? { state.withLock { $0.floors[task.ordinal] } }

  /// The strips of a counted tensor of which too little was kept.
  private func strips(of task: TensorTask) throws -> [Strip] {
    let floors = try task.fineTuned.indices.map { model -> UInt32? in
      guard task.fineTuned[model] != nil else { return nil }
      return try plan.spill.fixedFloor(of: task) ?? floor(task, model)
    }
    state.withLock { $0.floors[task.ordinal] = floors }
    guard floors.contains(where: { $0 != nil }) else { return [] }
    return try plan.strips(task).filter { try !holds(floors, $0) }.map(\.again)
  }

  private func floor(_ task: TensorTask, _ model: Int) throws -> UInt32 {
    try histograms.histogram(strips: plan.strips(of: task), model: model)
      .minimumMagnitudeBits(
        rate: plan.lowestRate(of: task, model: model), reaching: plan.spill.significanceMultiple)
  }

  /// Whether what was kept of a strip, in this attempt or an earlier one, is enough.
  private func holds(_ floors: [UInt32?], _ strip: Strip) throws -> Bool {
    if let kept = state.withLock({ $0.kept[strip.ordinal] }) {
      return zip(kept, floors).allSatisfy { kept, floor in floor.map { kept <= $0 } ?? true }
    }
    guard isSpilled(strip.ordinal) else { return false }
    return try floors.indices.allSatisfy { model in
      guard let floor = floors[model], let packed = try store.packed(strip, model: model)
      else { return true }
      return packed.table.minimumMagnitudeBits <= floor
    }
  }
}
