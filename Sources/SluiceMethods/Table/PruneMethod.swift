internal import SluiceStages

/// The stages of a pruning.
struct PruningStages: Sendable {
  /// What removes deltas.
  var mask: [any DeltaTransform] = []
  /// What makes up for it, or amplifies what is left.
  var amplify: [any DeltaTransform] = []
}

/// A row of the table of prunings: what is done to each model's deltas before they are merged.
package struct PruneMethod: MethodRow {
  /// How a pruning divides what it keeps.
  package enum Bands: Sendable, Hashable {
    /// It prunes nothing.
    case none
    /// It has one rate.
    case one
    /// It has nested partitions, which can be amplified.
    case partitions
  }

  /// The name in recipes.
  package let name: String
  /// What it does, in one sentence.
  package let summary: String
  /// The parameters that it looks at, beside those of every merge.
  package let parameters: [ParameterPath]
  /// What it looks at of what is said of single models: factors, if it has partitions.
  package var modelParameters: Set<ModelParameter> { bands == .partitions ? [.amplify] : [] }
  /// The files that it reads beside the models.
  package var files: (needed: [MethodInputFile], optional: [MethodInputFile]) = ([], [])
  /// The passes before the merge that it asks for.
  package var passes: [PassRequest] = []
  /// Where it comes from.
  package let paper: String
  /// How it divides what it keeps.
  package let bands: Bands
  /// Whether it keeps the largest deltas of each layer: what it keeps follows from the layer's cuts.
  package var cutsByMagnitude = false
  /// Whether it drops deltas at random, and can make up for them.
  package var drawsMasks = false
  /// The rate rule that it always has; nil if it is chosen.
  package var fixedRates: MethodParameters.Rates?
  /// The stages.
  let stages: @Sendable (MethodParameters, ChainInputs) -> PruningStages

  /// What the rows of the kind are called.
  package static var kind: String { "prune" }
  /// One.
  package var leastModels: Int { 1 }

  /// All prunings.
  package static let table: [PruneMethod] = [
    dppa, dp, magnitude, owl, dare, wanda, sparseGPT, none,
  ]

  /// Options of everything that keeps the largest deltas of each layer.
  static let maskParameters: [ParameterPath] =
    [
      \.pruningRate, \.partitionWidth, \.combination, \.tieBreak, \.rescale, \.rowFactor,
    ] + compensation
}

extension PruneMethod {
  /// What each ring is multiplied by.
  static func ringFactors(_ method: MethodParameters, _ inputs: ChainInputs) -> RingFactors {
    RingFactors(
      byCount: inputs.amplification.map { factors in
        { count in method.ringFactors(factors, partitionCount: count) }
      })
  }
}

extension PruneMethod {
  private static let dppa = byMagnitude(
    "dppa", "Keep each layer's largest deltas at a rate by its significance, and amplify them.",
    "DPPA (arXiv 2403.02799)", parameters: [\.rates])

  private static let dp = byMagnitude(
    "dp", "The pruning of dppa; amplified only where factors are given.",
    "DPPA (arXiv 2403.02799), section 3.2", parameters: [\.rates])

  private static let magnitude = byMagnitude(
    "magnitude", "Keep the largest deltas of each layer, or of each row, at one rate for all.",
    "the baseline of DPPA's tables", parameters: [\.maskUnit],
    passes: [
      .when({ $0.usedMaskUnit == .tensor }, .survey), .when({ $0.usedMaskUnit == .row }, .rowBands),
    ], rates: .uniform)

  private static let owl = byMagnitude(
    "owl", "Keep each layer's largest deltas at a rate by the outliers of its block.",
    "OWL (arXiv 2310.05175)", rates: .owl)

  private static func byMagnitude(
    _ name: String, _ summary: String, _ paper: String, parameters: [ParameterPath] = [],
    passes: [PassRequest] = [.always(.survey)], rates: MethodParameters.Rates? = nil
  ) -> PruneMethod {
    PruneMethod(
      name: name, summary: summary,
      parameters: maskParameters + parameters,
      passes: passes + rowPasses, paper: paper, bands: .partitions, cutsByMagnitude: true,
      fixedRates: rates,
      stages: { method, inputs in
        let rings = ringFactors(method, inputs)
        let rest: AmplifyStage.Rest =
          !inputs.fusesMask ? .factors : method.usedMaskUnit == .row ? .factorsAndZeros : .nothing
        return PruningStages(
          mask: mask(method, inputs, rings),
          amplify: makeUp(method, inputs) + [AmplifyStage(rings, rest: rest)])
      })
  }

  private static func mask(
    _ method: MethodParameters, _ inputs: ChainInputs, _ rings: RingFactors
  ) -> [any DeltaTransform] {
    guard method.usedMaskUnit == .row else {
      return [
        MaskStage(
          cuts: inputs.cuts, tieBreak: method.tieBreak,
          ringFactors: inputs.fusesMask ? rings : nil)
      ]
    }
    return inputs.rowBands.map {
      [RowBandStage($0, tieBreak: method.tieBreak, zeroesDropped: !inputs.fusesMask)]
    } ?? []
  }
}
