internal import SluiceStages

/// A row of the table of mergings: how the models' deltas become one.
package struct MergeMethod: MethodRow {
  /// The name in recipes.
  package let name: String
  /// What it does, in one sentence.
  package let summary: String
  /// The parameters that it looks at, beside those of every merge.
  package var parameters: [ParameterPath] = []
  /// What it looks at of what is said of single models.
  package var modelParameters: Set<ModelParameter> = []
  /// The files that it reads beside the models.
  package var files: (needed: [MethodInputFile], optional: [MethodInputFile]) = ([], [])
  /// The passes before the merge that it asks for.
  package var passes: [PassRequest] = []
  /// The version of TIES that it always has; nil if it is chosen, or it has none.
  package var fixedFlavor: TiesFlavor?
  /// Whether elements elect a sign, so that models can be in conflict.
  package var elects = false
  /// Whether the models' weights are shares of one model.
  package var weightsAreShares = false
  /// Whether tensors that are not linear layers are averaged.
  package var averagesDense = false
  /// The fewest models that it makes sense for.
  package var leastModels = 1
  /// Where it comes from.
  package let paper: String
  /// The stages between the pruning and the operator.
  var transforms: @Sendable (MethodParameters, ChainInputs) -> [any DeltaTransform] = { _, _ in [] }
  /// The operator.
  let rule: @Sendable (MethodParameters, ChainInputs) -> any MergeOperator

  /// What the rows of the kind are called.
  package static var kind: String { "merge" }

  /// All mergings.
  package static let table: [MergeMethod] = [
    ties, sum, average, lmCocktail, adaMerging, adaMergingPlusPlus, regMean, ownRegMean,
    greedySoup,
  ]

  /// The stage that multiplies each model's deltas by its weight.
  static func weights(_ inputs: ChainInputs) -> any DeltaTransform {
    FactorStage(inputs.weights, name: "weight", scope: .all)
  }
}

extension MergeMethod {
  private static let sum = MergeMethod(
    name: "sum", summary: "Add the deltas up, each times its model's weight.",
    modelParameters: [.weight], paper: "Task arithmetic (arXiv 2212.04089)",
    transforms: { [weights($1)] }, rule: { _, _ in SumOperator() })

  private static let average = MergeMethod(
    name: "average", summary: "The mean of the deltas, so of the models.",
    paper: "Model soups (arXiv 2203.05482), uniform",
    rule: { _, _ in MeanOperator() })

  private static let lmCocktail = MergeMethod(
    name: "lm-cocktail",
    summary: "A weighted mean of the models, with weights given or by their losses on examples.",
    parameters: [\.temperature], modelParameters: [.weight],
    files: (needed: [], optional: [.losses]), weightsAreShares: true,
    paper: "LM-Cocktail (arXiv 2311.13534)",
    transforms: { [weights($1)] }, rule: { _, _ in SumOperator() })

  private static let adaMerging = MergeMethod(
    name: "adamerging",
    summary: "Add the deltas up, each times its model's or tensor's learned coefficient.",
    files: (needed: [.coefficients], optional: []),
    paper: "AdaMerging (arXiv 2310.02575)",
    transforms: { _, inputs in
      inputs.coefficients.map { [FactorStage($0, name: "coefficients", scope: .all)] } ?? []
    },
    rule: { _, _ in SumOperator() })

  private static let regMean = MergeMethod(
    name: "regmean",
    summary: "The weights that change least what linear layers put out; the mean of other tensors.",
    parameters: [\.offDiagonal], files: (needed: [.grams], optional: []),
    passes: [.always(.solve)], averagesDense: true,
    paper: "RegMean (arXiv 2212.09849)",
    // The solution stands in the first model's place, and the others do not have the layer.
    rule: { _, _ in SumOperator() })

  private static let ownRegMean = MergeMethod(
    name: "own-regmean",
    summary: "As regmean, with Gram matrices that the deltas have of their own; no data are read.",
    parameters: [
      \.sketchRank, \.gramShare, \.blendRate, \.blendFactor, \.compensation, \.ridge, \.seed,
    ],
    modelParameters: [.weight],
    passes: [
      .when({ $0.sketchRank == .all }, .solve),
      .when({ $0.sketchRank != .all }, .sketch), .when({ $0.sketchRank != .all }, .directions),
      .when({ $0.asksForShare }, .energies), .when({ $0.sketchRank != .all }, .jointRows),
      .when({ $0.blendRate > 0 && $0.sketchRank != .all }, .jointCuts),
    ],
    paper: "after RegMean (arXiv 2212.09849)",
    rule: { method, inputs in
      guard method.sketchRank != .all else {
        return BlendOperator(
          nil, weights: inputs.weights, modelCount: inputs.modelCount, isSolved: true)
      }
      guard method.blendRate > 0 else {
        return BlendOperator(
          inputs.blend, weights: inputs.weights, modelCount: inputs.modelCount)
      }
      return SparseBlendOperator(
        inputs.blend, weights: inputs.weights, modelCount: inputs.modelCount)
    })

  private static let greedySoup = MergeMethod(
    name: "greedy-soup",
    summary: "The mean of those models that, added best first, make the mean score higher.",
    files: (needed: [.scores], optional: []), leastModels: 2,
    paper: "Model soups (arXiv 2203.05482), greedy",
    rule: { _, _ in MeanOperator() })
}
