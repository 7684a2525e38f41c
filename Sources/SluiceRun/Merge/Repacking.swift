internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages
internal import Synchronization

/// The second looks of pass 1: as soon as all strips of a tensor are counted, what its rates can never
/// keep is known, and the rest is packed while the tensor is still in the page cache.
final class Repacking: Sendable {
  private struct State {
    var queue: StripQueue?
    /// For each tensor, how many strips are still to be counted.
    var missing: [Int: Int] = [:]
    var floors: [Int: SpillFloors] = [:]
  }

  let store: SpillStore
  let codec: FrameCodec
  private let plan: TensorPlan
  private let histograms: HistogramStore
  private let isSpilled: @Sendable (Int) -> Bool
  private let tasks: [TensorTask]
  /// Whether nothing is kept of a model, since there are frames of it already.
  private let isPacked: @Sendable (Int) -> Bool
  private let state: Mutex<State>

  /// Plans the second looks at tensors, which are counted into some histograms.
  init(
    _ tasks: [TensorTask], plan: TensorPlan, work: MergeWork, histograms: HistogramStore,
    store: SpillStore, codec: FrameCodec
  ) {
    self.tasks = tasks.filter { task in
      plan.strips(of: task).contains { !work.isSpilled($0) }
    }
    self.plan = plan
    self.store = store
    self.codec = codec
    self.histograms = histograms
    isSpilled = { work.isSpilled($0) }
    let stored = plan.stored
    isPacked = { stored.isStored($0) }
    var state = State()
    for task in self.tasks {
      // Nothing is counted of tensors that are kept whole.
      state.missing[task.ordinal] =
        task.role == .linear
        ? plan.strips(of: task).filter { histograms.records.slots(strip: $0) == nil }.count : 0
    }
    self.state = Mutex(state)
  }

  /// The ordinals of the tensors.
  var ordinals: Set<Int> { Set(tasks.map(\.ordinal)) }

  /// The bytes that are looked at again.
  var inputByteCount: Int {
    tasks.reduce(0) { sum, task in
      plan.strips(task).filter { !isSpilled($0.ordinal) }.reduce(sum) { $0 + $1.inputByteCount }
    }
  }

  /// Asks for the tensors that are counted already.
  func begin(_ queue: StripQueue) throws {
    let ready = state.withLock { state in
      state.queue = queue
      return tasks.filter { state.missing[$0.ordinal] == 0 }
    }
    for task in ready { queue.revisit(at: task, try strips(of: task)) }
  }

  /// Takes note of a counted strip.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - kept: What is in memory of tensors.
  /// - Returns: The chunks that the lane is to look at again itself; nil if there is nothing to do now.
  /// - Throws: `FormatError` if histograms cannot be read.
  func didSurvey(_ strip: Strip, _ kept: KeptChunks?) throws -> [Chunk]? {
    let queue: StripQueue? = state.withLock { state in
      guard let missing = state.missing[strip.task.ordinal] else { return nil }
      state.missing[strip.task.ordinal] = missing - 1
      return missing == 1 ? state.queue : nil
    }
    guard let queue else { return nil }
    let strips = try strips(of: strip.task)
    let chunks = kept?.take(strip.task, strips)
    queue.revisit(at: strip.task, chunks == nil ? strips : [])
    return chunks
  }

  /// What is kept of a tensor.
  func floors(of task: TensorTask) -> SpillFloors? { state.withLock { $0.floors[task.ordinal] } }

  /// Notes what is kept of a tensor that is counted.
  ///
  /// - Returns: The strips to look at again.
  private func strips(of task: TensorTask) throws -> [Strip] {
    let floors = try task.fineTuned.indices.map { model -> UInt32? in
      // What is computed is not spilled, but a store may be made of it.
      guard let source = task.fineTuned[model], source.computed == nil || plan.spill.isStore,
        !isPacked(model)
      else { return nil }
      return task.role == .linear ? try floor(task, model) : 0
    }
    state.withLock { $0.floors[task.ordinal] = SpillFloors(floors: floors) }
    let isWanted = floors.contains { $0 != nil }
    return plan.strips(task).filter { isWanted && !isSpilled($0.ordinal) }.map(\.again)
  }

  private func floor(_ task: TensorTask, _ model: Int) throws -> UInt32 {
    // What stages left is kept but for the zeros.
    guard !plan.spill.holdsDeltas else { return 1 }
    let whole = try histograms.histogram(strips: plan.strips(of: task), model: model)
    let floor = whole.minimumMagnitudeBits(
      rate: plan.lowestRate(of: task, model: model))
    // The significance may ask for the inside of a bin; a pass for that reads the frames, too.
    let bin = whole.binBits(aroundMeanTimes: plan.spill.significanceMultiple)
    return bin.map { max(1, min($0, floor)) } ?? floor
  }

  /// What was kept, for a pass that asks for some bins of some tensors and models; nil if that is not what the
  /// pass would read.
  func packed(_ requests: @escaping @Sendable (TensorTask, Int) -> BinRequest) -> SpilledModels? {
    guard !plan.spill.holdsDeltas else { return nil }
    return SpilledModels(store: store) { task, model, floor in
      requests(task, model).bins.allSatisfy { $0 >= floor }
    }
  }
}
