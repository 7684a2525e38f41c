internal import SluiceMethods
internal import SluiceRecipe
internal import SluiceStages

extension MergeRecipe {
  /// The rule that gives each layer its rates.
  func rateRule(deltaCount: Int) -> any RateRule {
    stages.rates?.stage ?? method.rateRule(deltaCount: deltaCount)
  }

  /// How far a rate may lie from the requested one at most; nil if there is no bound.
  var maxRateShift: Double? {
    // Rates that are rebalanced begin somewhere else by as much again.
    rateRule(deltaCount: 0).largestShift.map { $0 * (method.rebalancesRates ? 2 : 1) }
  }
}
