package import SluiceAdapters
package import SluiceArchitecture
package import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
internal import SluicePlan
package import SluiceRecipe
internal import SluiceStages
internal import SluiceStore

/// Looks at the offsets of one fine-tuned model: one pass over it and its base, more over parts of it
/// where weights are F32, none at all over a model that comes from a delta store.
package struct OffsetSurvey {
  /// What is asked for.
  package struct Request: Sendable {
    /// The directory or file of the base model.
    package var base: String
    /// The name of the fine-tuned model.
    package var name: String
    /// The directory or file of the fine-tuned model, or its store.
    package var model: String
    /// The adapters that are added to what lies there.
    package var adapters: [MergeRecipe.Adapter] = []
    /// How adapters' factors of stacked experts are packed.
    package var expertPacking: ExpertPacking?
    /// How many times the mean an offset must exceed to be significant.
    package var significanceMultiple = MethodParameters().significanceMultiple
    /// Which tensors are linear layers.
    package var linearSet = LinearSet()

    /// Asks for the offsets of a model.
    ///
    /// - Parameters:
    ///   - base: The directory or file of the base model.
    ///   - name: The name of the fine-tuned model.
    ///   - model: The directory or file of the fine-tuned model, or its store.
    package init(base: String, name: String, model: String) {
      self.base = base
      self.name = name
      self.model = model
    }
  }

  private let request: Request
  private let plan: TensorPlan
  private let question: SignificanceQuestion
  private let survey: SurveyPass
  /// What was skipped, converted or guessed, as far as it concerns linear layers.
  package let warnings: [Warning]
  private let isStored: Bool

  /// Looks at the models and plans the passes.
  ///
  /// - Parameters:
  ///   - request: What is asked for.
  ///   - options: How it is to be run.
  /// - Throws: `PipelineError` or `FormatError` if the models do not fit together or are broken.
  package init(_ request: Request, options: RunOptions) throws {
    self.request = request
    isStored = try request.adapters.isEmpty && DeltaStore.open(request.model) != nil
    let side = SideTransform()
    question = SignificanceQuestion(multiple: request.significanceMultiple)
    survey = SurveyPass(
      asking: question, after: isStored ? [] : [side.name], binCount: BinRequest.limit)
    // Each sign is counted by itself, as if the model were two.
    let model = TensorRequest.Model(
      name: request.name, path: request.model, adapters: request.adapters)
    var rules = TensorRules()
    rules.linearSet = request.linearSet
    rules.loraExperts = request.expertPacking
    // Only tensors that both models have are looked at.
    rules.extraTensors = .ignore
    rules.vocabulary = .base
    let sources = try TensorSources(
      TensorRequest(
        base: request.base, models: isStored ? [model] : [model, model], rules: rules
      ).resolvingHubNames(),
      stripElements: options.stripElements)
    var options = options
    options.spill = .off
    options.isJournaled = false
    let refined = [("significance", 1), ("deciles", BinRequest.limit)]
    plan = try TensorPlan(
      sources, tasks: sources.tasks, options: options, spill: .off("nothing is read twice"),
      needs: TensorPlan.LaneNeeds(transforms: isStored ? [] : [side]),
      requestedRate: { _, _ in .none },
      passes: { [survey, isStored] _ in
        [survey]
          + refined.map { OffsetSurvey.refining($0, binCount: $1, isStored: isStored) }
      })
    warnings = OffsetSurvey.warnings(sources.warnings, about: request.name, plan)
    try sources.stored.check(
      plan.tasks, sources,
      significance: question, needed: { _, _ in (1, "") })
    if isStored { try checkStore() }
  }

  /// What concerns linear layers.
  private static func warnings(
    _ all: [Warning], about model: String, _ plan: TensorPlan
  ) -> [Warning] {
    let linear = Set(plan.linearTasks.map(\.name))
    var seen: Set<Warning> = []
    return all.filter { warning in
      warning.subject.model == model && warning.subject.tensor.map(linear.contains) ?? false
        && seen.insert(warning).inserted
    }
  }

  /// Runs the passes.
  package func run(
    progress: ProgressMeter = ProgressMeter(), cancellation: Cancellation = Cancellation()
  ) throws -> ModelOffsets {
    do {
      return try look(progress, cancellation)
    } catch let error where error is CancelledError {
      // Whoever waited when the survey was cancelled only knows that it was.
      throw cancellation.error ?? error
    }
  }

  private func look(
    _ progress: ProgressMeter, _ cancellation: Cancellation
  ) throws -> ModelOffsets {
    let kernels = try plan.options.kernels()
    let tasks = plan.linearTasks.filter { $0.fineTuned[0] != nil }
    guard !tasks.isEmpty else {
      throw PipelineError.badInput(
        "it has no linear layer in common with the base", model: request.name, file: request.model,
        remedy: "Name its layers with --linear-include.")
    }
    let work = try MergeWork.unnamed(plan, "offsets")
    let context = try RunContext(
      plan, work: work, kernels: kernels, progress: progress, cancellation: cancellation)
    let prefix =
      isStored ? TransformChain.empty : TransformChain([SideTransform()], partitionCount: 1)
    let survey = Survey(
      PassRun(context, kernels: kernels), store: work.store, transforms: prefix)
    if isStored {
      try plan.stored.restoreHistograms(of: tasks, plan, to: work.store)
    } else {
      try survey.count(self.survey, tasks)
    }
    return try offsets(of: tasks, survey, work.store)
  }

  /// Asks the histograms, layer by layer and for the model as a whole.
  private func offsets(
    of tasks: [TensorTask], _ survey: Survey, _ store: HistogramStore
  ) throws -> ModelOffsets {
    let load = loader(store)
    let statistic = question.statistic(multiple: question.multiple)
    let significance = OffsetSurvey.refining("significance", binCount: 1, isStored: isStored)
    let layers = try survey.resolve(significance, tasks.map { [$0] }) { layer, whole, _ in
      Result { () throws(UnresolvedBins) in
        let histogram = try load(layer, whole)
        switch LayerSurvey(
          histogram.magnitudes, name: layer.first.name, significance: statistic)
        {
        case .known(let statistics): return statistics
        case .needs(let bin): throw UnresolvedBins(request: BinRequest([bin]))
        }
      }
    }
    typealias Tables = (signed: [Double]?, magnitudes: [Double], mean: Double)
    let deciles = OffsetSurvey.refining(
      "deciles", binCount: BinRequest.limit, isStored: isStored)
    let tables = try survey.resolve(deciles, [tasks]) { layer, whole, _ in
      Result { () throws(UnresolvedBins) -> Tables in
        let histogram = try load(layer, whole)
        var missing = BinRequest()
        let tables = (
          histogram.signedTable(&missing), histogram.magnitudeTable(&missing),
          MeanMagnitude().value(of: histogram.magnitudes)
        )
        guard missing.bins.isEmpty else { throw UnresolvedBins(request: missing) }
        return tables
      }
    }
    guard let table = tables[0].first else {
      throw PipelineError(Failure(.internal, message: "no table of offsets"))
    }
    return ModelOffsets(
      name: request.name, path: request.model, isStored: isStored,
      significanceMultiple: request.significanceMultiple, signed: table.signed,
      magnitudes: table.magnitudes, mean: table.mean,
      layers: layers[0].map { layer in
        ModelOffsets.Layer(
          name: layer.name, elementCount: layer.elementCount, zeroCount: layer.zeroCount,
          mean: layer.mean,
          significance: layer.significance)
      })
  }

  private static func refining(_ what: String, binCount: Int, isStored: Bool) -> RefinePass {
    RefinePass(
      what, of: [.linear], after: isStored ? [] : [SideTransform().name], binCount: binCount)
  }

  /// Puts the two sides of a layer together, whichever of them asks: so both ask for the same bins.
  private func loader(_ store: HistogramStore)
    -> @Sendable (SurveyedLayer, MagnitudeHistogram) throws(UnresolvedBins) -> OffsetHistogram
  {
    guard !isStored else {
      return { (_, whole) throws(UnresolvedBins) in OffsetHistogram(magnitudes: whole) }
    }
    let plan = plan
    return { (layer, whole) throws(UnresolvedBins) in
      var other = MagnitudeHistogram([])
      for strip in layer.tasks.flatMap({ Array(plan.strips(of: $0)) }) {
        // What cannot be read here could be read a moment ago; the other side then says why.
        guard let part = try? store.histogram(strip: strip, model: 1 - layer.model) else {
          continue
        }
        other.merge(part)
      }
      do throws(MagnitudeHistogram.Unresolved) {
        return try layer.model == 0
          ? OffsetHistogram(positive: whole, negative: other)
          : OffsetHistogram(positive: other, negative: whole)
      } catch {
        throw UnresolvedBins(request: BinRequest([error.binBits]))
      }
    }
  }

  /// Weights of F32 are counted in bins; looking into them takes the elements themselves.
  private func checkStore() throws {
    guard let store = plan.stored.stores[0] else { return }
    for task in plan.linearTasks where task.fineTuned[0] != nil {
      guard let tensor = try store.tensor(task.name), tensor.lowestRate > 0,
        HistogramMode(base: tensor.baseDType, fineTuned: tensor.dtype) == .binned
      else { continue }
      throw PipelineError.badInput(
        "deciles of weights of F32 need all of them, and the store left some out",
        model: request.name, file: request.model, tensor: task.name,
        remedy: "Make the store with --pruning-rate 0, or give the model itself.")
    }
  }
}
