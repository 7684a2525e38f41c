package import SluiceDataflow
internal import SluiceFormats

/// What an evaluation found, and what it cost.
package struct EvaluationResult: Sendable {
  /// A model, and what it makes of the tasks.
  package struct Model: Sendable {
    /// Its name.
    package let name: String
    /// Its path, as it was given.
    package let path: String
    /// The tasks, in order.
    package let tasks: [TaskScore]
  }

  /// The models, in order.
  package let models: [Model]
  /// The bytes of weights that were read.
  package let bytesRead: Int
  /// The operations of products with weights.
  package let operations: Double
  /// The seconds that lanes spent in them, added up.
  package let productSeconds: Double
  /// The seconds in all.
  package let seconds: Double
  /// The most memory that the process had.
  package let peakBytes: Int

  /// The operations a second of one lane inside of products.
  package var productSpeed: Double { productSeconds > 0 ? operations / productSeconds : 0 }
}

/// Scores models, layer by layer: all models are computed up to a layer before any goes on.
package struct EvaluationRun {
  private let plan: EvaluationPlan
  private let progress: ProgressMeter
  private let cancellation: Cancellation
  private let directory: String?
  private let saveInterval: Double

  /// Prepares a run.
  ///
  /// - Parameters:
  ///   - plan: The plan.
  ///   - directory: Where finished layers are kept, to go on from them; nil if they are not.
  ///   - saveInterval: The least seconds between two notes of them.
  ///   - progress: Counts the bytes that are read.
  ///   - cancellation: What ends the run before its time.
  package init(
    _ plan: EvaluationPlan, keepingIn directory: String? = nil, saveInterval: Double = 10,
    progress: ProgressMeter = ProgressMeter(),
    cancellation: Cancellation = Cancellation()
  ) {
    (self.plan, self.progress, self.cancellation) = (plan, progress, cancellation)
    (self.directory, self.saveInterval) = (directory, saveInterval)
  }

  /// Whether a directory keeps nothing, or layers of this evaluation.
  package static func canResume(_ plan: EvaluationPlan, from directory: String) throws -> Bool {
    try EvaluationState.identity(in: directory).map { $0 == plan.identity.hexadecimal } ?? true
  }

  /// Runs to the end.
  ///
  /// - Returns: The scores.
  /// - Throws: What keeps the models from being computed, or what the run was stopped by.
  package func run() throws -> EvaluationResult {
    do {
      return try score()
    } catch let error where error is CancelledError {
      // Whoever waited when the run was cancelled only knows that it was.
      throw cancellation.error ?? error
    }
  }

  private func score() throws -> EvaluationResult {
    let start = MonotonicTime.now
    let pass = try ForwardPass(
      plan.shape, plan.batch, plan.needs, progress: progress, cancellation: cancellation)
    defer { for model in plan.models { model.weights.finish() } }
    let state = try directory.map {
      try EvaluationState(
        $0, identity: plan.identity, modelCount: plan.models.count, interval: saveInterval)
    }
    var (states, finished): ([Activations], [Int]) = ([], [])
    for model in plan.models { try pass.start(model.weights) }
    let before = pass.productCosts.bytesRead
    progress.startPhase("evaluate", totalBytes: plan.bytesRead - before)
    defer { progress.finishPhase() }
    for (index, model) in plan.models.enumerated() {
      states.append(try pass.makeStates())
      let known = try state?.restore(index, into: states[index])
      if known == nil { try pass.embed(model.weights, into: states[index]) }
      finished.append(known ?? 0)
    }
    for layer in (finished.min() ?? 0)..<plan.shape.layerCount {
      for (index, model) in plan.models.enumerated() where finished[index] <= layer {
        try cancellation.check()
        try pass.layer(layer, model.weights, states[index])
        try state?.save(index, layers: layer + 1, states[index])
      }
    }
    let models = try zip(plan.models, states).map { model, states in
      EvaluationResult.Model(
        name: model.name, path: model.path,
        tasks: plan.batch.taskScores(plan.tasks, try pass.scores(model.weights, states)))
    }
    try state?.finish()
    let costs = pass.productCosts
    return EvaluationResult(
      models: models, bytesRead: costs.bytesRead, operations: costs.operations,
      productSeconds: costs.seconds,
      seconds: MonotonicTime.now.seconds(since: start), peakBytes: ProcessMemory.peakByteCount)
  }
}
