internal import SluiceMethods
internal import SluiceRecipe
package import SluiceStages

/// What histograms of linear layers are asked about: what makes a layer significant.
package struct SignificanceQuestion: Sendable {
  /// How many times the mean a delta must exceed to be significant.
  package let multiple: Double
  /// What is counted above that.
  var measure = SignificanceMeasure.mass
  /// A statistic of somebody's own in its place.
  var custom: (any TensorStatistic)?
  /// What is asked about whole blocks.
  var blockMultiple = BlockMultiple.none

  package init(
    multiple: Double, measure: SignificanceMeasure = SignificanceMeasure.mass,
    custom: (any TensorStatistic)? = nil, blockMultiple: BlockMultiple = BlockMultiple.none
  ) {
    self.multiple = multiple
    self.measure = measure
    self.custom = custom
    self.blockMultiple = blockMultiple
  }

  /// The question about layers, or blocks.
  package func statistic(multiple: Double) -> any TensorStatistic {
    custom ?? SignificantShare(multiple: multiple, measure: measure)
  }

  /// Whether the answer about a layer follows from one bin of its own.
  var asksOneBin: Bool { blockMultiple == .none && custom == nil }
}

extension MergeRecipe {
  /// What the survey of the merge asks.
  var significanceQuestion: SignificanceQuestion {
    let rule = rateRule(deltaCount: 0)
    return SignificanceQuestion(
      multiple: method.significanceMultiple, measure: method.significance ?? rule.measure,
      custom: stages.significance?.stage, blockMultiple: rule.blockMultiple)
  }
}
