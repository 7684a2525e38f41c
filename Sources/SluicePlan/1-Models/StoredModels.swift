internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages
package import SluiceStore

/// The models of a plan that come from stores: checked, before anything is done, to have all that the
/// merge can need.
package struct StoredModels: Sendable {
  /// The store of each model, nil where the model itself was given.
  package let stores: [DeltaStore?]

  package var isEmpty: Bool { stores.allSatisfy { $0 == nil } }

  /// The positions of the models that come from stores.
  package var positions: Set<Int> { Set(stores.indices.filter { stores[$0] != nil }) }

  /// Whether a model comes from a store.
  package func isStored(_ model: Int) -> Bool { stores[model] != nil }

  /// Checks every tensor of every stored model.
  ///
  /// - Parameters:
  ///   - tasks: The tensors.
  ///   - sources: The models that they are of.
  ///   - wholeMatrices: What looks at whole matrices, which stores do not have; nil if nothing does.
  ///   - significance: What histograms of layers are asked about, if they are.
  ///   - needed: The lowest rate that a tensor may come to have; 0 if every element can be needed.
  /// - Throws: `PipelineError` that says what a store has not got.
  package func check(
    _ tasks: [TensorTask], _ sources: TensorSources, wholeMatrices: String? = nil,
    significance: SignificanceQuestion?,
    needed: (TensorTask, Int) -> (rate: Double, why: String)
  ) throws {
    for (model, store) in stores.enumerated() {
      guard let store else { continue }
      let name = sources.models[model].name
      if sources.request.rules.extraTensors != .ignore, let left = store.facts["left-out"],
        !left.isEmpty
      {
        throw StoredModels.refusal(
          name, store, nil,
          "the model has tensors that the base has not (\(left.printable)); the store left them out",
          "Add --extra-tensors ignore, or give the model itself.")
      }
      if let wholeMatrices {
        throw StoredModels.refusal(
          name, store, nil,
          "\(wholeMatrices) look at whole matrices", "Give the model itself.")
      }
      for task in tasks where task.fineTuned[model] != nil {
        guard let tensor = try store.tensor(task.name) else {
          throw StoredModels.refusal(
            name, store, task, "the store has no frames of it",
            "Make the store again with this base, or give the model itself.")
        }
        let sample = try StoredTensor.sample(
          task.base, elementCount: task.baseElementCount, in: sources.files[task.base.file])
        guard tensor.baseSample == sample else {
          throw StoredModels.refusal(
            name, store, task, "the store was made with another base",
            "Give that base, or make the store again with this one.")
        }
        let (rate, why) = needed(task, model)
        guard tensor.lowestRate <= rate + 1e-12 else {
          throw StoredModels.refusal(
            name, store, task,
            "the store serves pruning rates from \(tensor.lowestRate.shortText) on; \(why)",
            "Make the store again with a lower --pruning-rate, or give the model itself.")
        }
        try checkDetail(tensor, significance, name, store, task)
      }
    }
  }

  /// F32 weights are counted in bins; those that the significance asks for must be among the frames.
  private func checkDetail(
    _ tensor: StoredTensor, _ question: SignificanceQuestion?, _ name: String, _ store: DeltaStore,
    _ task: TensorTask
  ) throws {
    guard let question, tensor.lowestRate > 0,
      HistogramMode(base: tensor.baseDType, fineTuned: tensor.dtype) == .binned
    else { return }
    if question.asksOneBin {
      var whole = MagnitudeHistogram([])
      for strip in tensor.strips {
        MagnitudeHistogram(encoded: strip.histogram).map { whole.merge($0) }
      }
      let bin = whole.binBits(aroundMeanTimes: question.multiple)
      if bin.map({ $0 >= tensor.floor }) ?? true { return }
    }
    throw StoredModels.refusal(
      name, store, task,
      "the significance of weights of F32 may need more of them than the store has",
      "Make the store with --pruning-rate 0, or give the model itself.")
  }

  private static func refusal(
    _ model: String, _ store: DeltaStore, _ task: TensorTask?, _ message: String, _ remedy: String
  ) -> PipelineError {
    PipelineError.badInput(
      message, model: model, file: store.path, tensor: task?.name, remedy: remedy)
  }

  /// Checks that no layer's cut lies below what a store has.
  ///
  /// Only a rule of rates that broke its own bound can bring that about.
  func check(_ cuts: CutTable, of tasks: [TensorTask], _ plan: TensorPlan) throws {
    for (model, store) in stores.enumerated() {
      guard let store else { continue }
      for task in tasks where task.fineTuned[model] != nil {
        let floor = try store.tensor(task.name)?.floor ?? 0
        guard cuts.containsCuts(task, model, floor: floor) else {
          throw StoredModels.refusal(
            plan.modelNames[model], store, task,
            "its rate came out lower than the store serves", "Give the model itself.")
        }
      }
    }
  }

  /// Puts what was counted of stored models among the histograms of a run.
  package func restoreHistograms(
    of tasks: [TensorTask], _ plan: TensorPlan, to histograms: HistogramStore
  )
    throws
  {
    for (model, store) in stores.enumerated() {
      guard let store else { continue }
      for task in tasks where task.fineTuned[model] != nil {
        guard let tensor = try store.tensor(task.name) else { continue }
        for (index, strip) in plan.strips(of: task).enumerated()
        where !histograms.records.hasRecord(strip: strip, model: model) {
          guard index < tensor.strips.count, !tensor.strips[index].histogram.isEmpty else {
            continue
          }
          try histograms.records.put(tensor.strips[index].histogram, strip: strip, model: model)
        }
      }
    }
  }

  /// The frames of a strip of a stored model.
  func packed(_ strip: Strip, model: Int) throws -> PackedStrip? {
    guard let store = stores[model], let tensor = try store.tensor(strip.task.name),
      strip.index < tensor.strips.count
    else { return nil }
    return PackedStrip(
      file: store.file, owner: DeltaStore.owner(strip.task.name),
      table: tensor.strips[strip.index].table, checksBase: true, holdsDeltas: tensor.holdsDeltas)
  }
}

extension Double {
  /// The number without digits that say nothing.
  package var shortText: String {
    let text = "\((self * 1e6).rounded() / 1e6)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
