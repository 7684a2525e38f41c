internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceStages

/// What pass 1 packs of the tensors that it counts.
///
/// What a tensor's rates can keep is known when all of it is counted, and foreseen before. A merge reads a model again
/// where too little was kept; a store must have it all, so that strips are looked at again there.
struct Packing: Sendable {
  let store: SpillStore
  let codec: FrameCodec
  /// What comes again, in a pass that makes a store.
  let repeats: StripRepeats?
  private let plan: TensorPlan
  private let foreseen: RateForecast?
  private let isSpilled: @Sendable (Int) -> Bool

  /// Plans the packing of tensors, which are counted into some histograms.
  init(
    _ tasks: [TensorTask], plan: TensorPlan, work: MergeWork, histograms: HistogramStore,
    store: SpillStore, codec: FrameCodec, foreseen: RateForecast? = nil
  ) {
    self.plan = plan
    self.foreseen = foreseen
    self.store = store
    self.codec = codec
    isSpilled = { work.isSpilled($0) }
    repeats =
      plan.spill.isStore
      ? StripRepeats(tasks, plan: plan, work: work, histograms: histograms, store: store) : nil
  }

  /// What is kept of each model of a strip; nil if nothing is.
  func floors(of strip: Strip) -> [SpillFloor?] {
    let task = strip.task
    let again = strip.look == .second ? repeats?.floors(of: task) : nil
    return task.fineTuned.indices.map { model in
      // What is computed is not spilled, but a store may be made of it.
      guard let source = task.fineTuned[model], source.computed == nil || plan.spill.isStore,
        // There are frames of it already, of an earlier attempt or the model's own.
        again != nil || !isSpilled(strip.ordinal), !plan.stored.isStored(model)
      else { return nil }
      if let floor = again?[model] ?? plan.spill.fixedFloor(of: task) { return .known(floor) }
      let lowest = plan.lowestRate(of: task, model: model)
      return .foreseen(
        lowestRate: max(lowest, foreseen?.lowestRate(of: task, model: model) ?? lowest))
    }
  }

  /// What foresees what is kept; of one lane.
  func forecast() -> FloorForecast {
    FloorForecast(significanceMultiple: plan.spill.significanceMultiple) { strip in
      floors(of: strip).map { floor in
        guard case .foreseen(let rate) = floor else { return nil }
        return rate
      }
    }
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
