internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels
internal import SluiceMethods
package import SluicePlan
package import SluiceRecipe
internal import SluiceStages
internal import SluiceStore

/// Looks at the directions of a family's offsets: two passes over all models, for methods that take what they need
/// from deltas' own directions.
package struct DirectionSurvey {
  private let plan: TensorPlan
  private let look: DirectionLook

  /// Looks at the models and plans the passes.
  ///
  /// - Parameters:
  ///   - requests: What is asked for of each model; of all the same base and the same layers.
  ///   - options: How it is to be run.
  /// - Throws: `PipelineError` or `FormatError` if the models do not fit together or are broken, or one is a store.
  package init(_ requests: [OffsetSurvey.Request], options: RunOptions) throws {
    guard let first = requests.first else { throw PipelineError.usage("there is no model") }
    for request in requests where request.adapters.isEmpty {
      guard try DeltaStore.open(request.model) != nil else { continue }
      throw PipelineError.badInput(
        "directions are looked for in whole rows, which a store does not have",
        model: request.name, file: request.model,
        remedy: "Give the model itself, or leave --directions out.")
    }
    var rules = TensorRules()
    rules.linearSet = first.linearSet
    rules.loraExperts = first.expertPacking
    // Only tensors that models have in common with the base are looked at.
    rules.extraTensors = .ignore
    rules.absent = .base
    rules.vocabulary = .base
    let models = requests.map {
      TensorRequest.Model(name: $0.name, path: $0.model, adapters: $0.adapters)
    }
    let sources = try TensorSources(
      TensorRequest(base: first.base, models: models, rules: rules).resolvingHubNames(),
      stripElements: options.stripElements)
    var options = options
    options.spill = .off
    options.isJournaled = false
    look = DirectionLook(modelCount: models.count)
    plan = try TensorPlan(
      sources, tasks: sources.tasks, options: options, spill: .off("nothing is kept"),
      needs: TensorPlan.LaneNeeds(), requestedRate: { _, _ in .none },
      passes: { [look] _ in look.passes })
  }

  /// Runs the passes.
  ///
  /// - Parameters:
  ///   - progress: Where progress is counted.
  ///   - cancellation: Ends the run from outside.
  /// - Returns: What the directions say.
  /// - Throws: What keeps models from being read.
  package func run(
    progress: ProgressMeter = ProgressMeter(), cancellation: Cancellation = Cancellation()
  ) throws -> FamilyDirections {
    do {
      let kernels = try plan.options.kernels()
      let context = try RunContext(
        plan, work: try MergeWork.unnamed(plan, "offsets"), kernels: kernels, progress: progress,
        cancellation: cancellation)
      return try look.look(PassRun(context, kernels: kernels))
    } catch let error where error is CancelledError {
      // Whoever waited when the survey was cancelled only knows that it was.
      throw cancellation.error ?? error
    }
  }
}
