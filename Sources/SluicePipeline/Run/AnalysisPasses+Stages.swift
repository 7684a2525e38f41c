internal import SluiceRecipe
internal import SluiceCore
internal import SluiceMethods
internal import SluiceStages

/// What stages of the recipe's own ask for.
extension AnalysisPasses {
  /// Puts the recipe's own transforms of a place into the chain, one after the other, each with the
  /// statistics that it asks for: of deltas as everything before it leaves them.
  mutating func resolveStatistics(_ place: TransformPlace, _ inputs: inout ChainInputs) throws {
    for transform in plan.recipe.stages.transforms(after: place) {
      var ready = transform
      if !transform.needs.statistics.isEmpty {
        ready = TransformWithStatistics(
          transform, statistics: try statistics(for: transform, transforms(inputs, through: place)))
      }
      inputs.customTransforms[place, default: []].append(ready)
    }
  }

  /// The statistics that a transform asks for: as an earlier attempt recorded them, or by a survey.
  private mutating func statistics(
    for transform: any DeltaTransform, _ prefix: TransformChain
  ) throws -> [[Int: [Double]]] {
    let needed = transform.needs.statistics
    let models = plan.recipe.models.indices
    let firstUnit = resolvedCount * plan.tasks.count
    resolvedCount += 1
    var known: [[Int: [Double]]] = models.map { _ in [:] }
    var missing: [TensorTask] = []
    for task in plan.tasks(in: transform.scope) {
      if let values = context.work.earlier.statistics[firstUnit + task.ordinal],
        values.count == models.count * needed.count
      {
        for model in models {
          known[model][task.ordinal] = Array(
            values[model * needed.count..<(model + 1) * needed.count])
        }
      } else {
        missing.append(task)
      }
    }
    guard !missing.isEmpty else { return known }
    let store = try histogramStore("statistics-\(resolvedCount)")
    var survey = Survey(context, store: store, kernels: kernels, prefix: prefix)
    let values = try survey.values(of: needed, for: transform.name, missing)
    count(survey, store)
    for task in missing {
      for model in models { known[model][task.ordinal] = values[model][task.ordinal] }
      context.work.didFind(
        models.flatMap { values[$0][task.ordinal] ?? [] }, unit: firstUnit + task.ordinal)
    }
    return known
  }
}

extension MergePlan {
  /// The tensors that a transform of a scope acts on.
  func tasks(in scope: TransformScope) -> [TensorTask] {
    tasks.filter { $0.role == .linear || ($0.role == .dense && scope == .all) }
  }

  /// The tensors whose sums the rescale of a random mask looks at.
  var maskSummedTasks: [TensorTask] { tasks(in: recipe.method.maskScope) }

  /// What is known of the chain before the first pass.
  var chainInputs: ChainInputs {
    var inputs = ChainInputs(
      rates: settings, partitionCount: settings.partitionCount,
      amplification: recipe.models.map(\.amplification), weights: settings,
      cuts: CutTable(partitionCount: settings.partitionCount, layers: [:]))
    inputs.coefficients = coefficients
    inputs.fusesMask = recipe.stages.transforms(after: .mask).isEmpty
    inputs.customOperator = recipe.stages.merging?.stage
    return inputs
  }
}
