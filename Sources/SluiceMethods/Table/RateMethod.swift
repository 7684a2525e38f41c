internal import SluiceStages

/// A row of the table of rate rules.
package struct RateMethod: MethodRow {
  /// The name in recipes.
  package let name: String
  /// What it does, in one sentence.
  package let summary: String
  /// The parameters that it looks at.
  package let parameters: [ParameterPath]
  /// Where it comes from.
  package let paper: String
  /// Makes the rule.
  ///
  /// The second argument is the number of all deltas of a model.
  let rule: @Sendable (MethodParameters, Int) -> any RateRule

  /// What the rows of the kind are called.
  package static var kind: String { "rates" }
  /// None.
  package var modelParameters: Set<ModelParameter> { [] }
  /// None.
  package var files: (needed: [MethodInputFile], optional: [MethodInputFile]) { ([], []) }
  /// The histograms of linear layers.
  package var passes: [PassRequest] { [.always(.survey)] }
  /// One.
  package var leastModels: Int { 1 }

  /// All rate rules.
  package static let table: [RateMethod] = [
    RateMethod(
      name: "acl",
      summary:
        "The more significant a layer, the lower its rate; their mean is the one asked for.",
      parameters: common + [\.denominator],
      paper: "DPPA, later version, eq. 2-6",
      rule: { layerRule($0, $1) }),
    RateMethod(
      name: "arxiv",
      summary: "Two shifts, by the significance of the block and by that of the layer.",
      parameters: common + [\.denominator],
      paper: "DPPA (arXiv 2403.02799v1), eq. 1-5",
      rule: { BlockDeviationRates.arxiv(layerRule($0, $1)) }),
    RateMethod(
      name: "code",
      summary: "As arxiv, with shares of elements, above 3 times the mean of a block.",
      parameters: common + [\.denominator],
      paper: "DPPA, the authors' code",
      rule: { BlockDeviationRates.code(layerRule($0, $1)) }),
    RateMethod(
      name: "owl",
      summary: "One rate for each block, lower where more of its deltas are outliers.",
      parameters: common + [\.owlNormalisation],
      paper: "OWL (arXiv 2310.05175), on deltas as in DPPA's comparison",
      rule: { method, _ in
        OutlierRates(
          maxRateDeviation: method.maxRateDeviation, normalisation: method.owlNormalisation,
          isScaled: method.scalesDeviations)
      }),
    RateMethod(
      name: "uniform", summary: "The same rate for every layer.", parameters: [], paper: "",
      rule: { _, _ in UniformRates() }),
  ]

  private static let common: [ParameterPath] = [
    \.significance, \.significanceMultiple, \.maxRateDeviation, \.scalesDeviations,
    \.rebalancesRates,
  ]

  private static func layerRule(_ method: MethodParameters, _ allDeltas: Int) -> DeviationRates {
    DeviationRates(
      maxRateDeviation: method.maxRateDeviation, isScaled: method.scalesDeviations,
      denominator: method.denominator == .all ? allDeltas : nil)
  }
}
