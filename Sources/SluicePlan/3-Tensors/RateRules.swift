internal import SluiceCore
internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

extension MergeRecipe {
  /// The rule that gives each layer its rates.
  func rateRule(deltaCount: Int) -> any RateRule {
    stages.rates?.stage ?? method.rateRule(deltaCount: deltaCount)
  }

  /// How far a rate may lie from the requested one at most; nil if there is no bound.
  package var maxRateShift: Double? {
    // Rates that are rebalanced begin somewhere else by as much again.
    rateRule(deltaCount: 0).largestShift.map { $0 * (method.rebalancesRates ? 2 : 1) }
  }
}

extension MergePlan {
  /// The rate that was asked for of a model.
  package func requestedRate(model: Int) -> Double {
    let method = recipe.method
    guard method.pruning.row.bands != .none else { return 0 }
    if let constant = recipe.models[model].pruningRate?.constant { return constant }
    var (sum, count) = (0.0, 0.0)
    for task in recipe.models[model].pruningRate == nil ? [] : linearTasks {
      sum += tensors.requestedRate(task, model).value * Double(task.elementCount)
      count += Double(task.elementCount)
    }
    return count > 0 ? sum / count : method.pruningRate.value
  }
}
