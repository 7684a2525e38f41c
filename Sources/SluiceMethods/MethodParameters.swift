package import SluiceCore
package import SluiceKernels
package import SluiceStages

/// What a user can set of a method; each value has the default of the paper or of our specification.
package struct MethodParameters: Sendable, Hashable {
  /// How deltas are pruned.
  package typealias Pruning = MethodChoice<PruneMethod>
  /// How the models' deltas become one.
  package typealias Merging = MethodChoice<MergeMethod>
  /// How the rates of linear layers follow from their significance.
  package typealias Rates = MethodChoice<RateMethod>

  /// What becomes of tensors that are not linear layers.
  package enum NonLinear: String, Sendable, Hashable, CaseIterable {
    /// Merged by the same operator, not pruned.
    case merge
    /// The base plus the mean of the deltas.
    case average
    /// The base's own.
    case base
  }

  /// What the weighted sum of significances is divided by.
  package enum Denominator: String, Sendable, Hashable, CaseIterable {
    /// The elements of linear layers, which keeps the overall rate.
    case linear
    /// All deltas of the model, as the paper writes it.
    case all
  }

  /// What a solver removes.
  package enum SolveTarget: String, Sendable, Hashable, CaseIterable {
    /// Weights of the fine-tuned model.
    case weights
    /// Deltas.
    case delta
  }

  /// How deltas are pruned.
  package var pruning: Pruning = .dppa
  /// How the models' deltas become one.
  package var merging: Merging = .ties
  /// The fraction of deltas to remove (the paper's alpha).
  package var pruningRate: PruningRate
  /// The distance between the rates of two partitions (the paper's beta).
  package var partitionWidth = 0.1
  /// How the rates of linear layers follow from their significance, where the pruning leaves it open.
  package var rates: Rates = .acl
  /// How many times the mean a delta must exceed to be significant (the paper's N).
  package var significanceMultiple = 5.0
  /// What is counted above that; what the rate rule counts if nil.
  package var significance: SignificanceMeasure?
  /// The largest shift of a layer's rate (the paper's lambda).
  package var maxRateDeviation = 0.08
  /// Whether shifts are stretched so that the largest becomes that (the paper's fac).
  package var scalesDeviations = true
  /// Whether the rates are moved so that they average to the requested one after clamping.
  package var rebalancesRates = false
  /// What the weighted sum of significances is divided by.
  package var denominator: Denominator = .linear
  /// How `owl` turns shares into shifts.
  package var owlNormalisation: OutlierRates.Normalisation = .maxabs
  /// Which of the elements at a threshold are kept.
  package var tieBreak: TieBreak = .spread
  /// How factors of nested partitions combine.
  package var combination: PartitionCombination = .ring
  /// What random masks are drawn from.
  package var seed: UInt64 = 0
  /// How the deltas that a random mask leaves make up for those it removed.
  package var rescale: Rescale = .inverse
  /// Which tensors a random mask prunes.
  package var maskScope: TransformScope = .all
  /// Which version of TIES.
  package var tiesFlavor: TiesFlavor = .plain
  /// The fraction of deltas that TIES leaves before it elects; that of the flavor if nil.
  package var tiesDensity: Double?
  /// The sign that a sum of zero elects; that of the flavor if nil.
  package var zeroSign: ZeroSignRule?
  /// What becomes of the deltas that have the elected sign.
  package var tiesAggregation: TiesAggregation = .mean
  /// How far losses tell models apart in `lm-cocktail`: higher means less.
  package var temperature = 5.0
  /// Whether `sparsegpt` removes weights or deltas.
  package var solveTarget: SolveTarget = .weights
  /// What `sparsegpt` adds to the diagonal of a Gram matrix, as a share of its mean.
  package var dampening = 0.01
  /// What `regmean` multiplies elements of Gram matrices off the diagonal by.
  package var offDiagonal = 0.9
  /// What becomes of tensors that are not linear layers.
  package var nonLinear: NonLinear = .merge
  /// What the merged delta is multiplied by before it is added to the base.
  package var mergeScale = 1.0

  /// Makes the default parameters for a rate.
  package init(pruningRate: PruningRate) {
    self.pruningRate = pruningRate
  }
}

extension MethodParameters {
  /// All defaults, for questions to which the rate does not matter.
  static var bare: MethodParameters? {
    PruningRate(0.5).map { MethodParameters(pruningRate: $0) }
  }
}

extension MethodChoice where Row == PruneMethod {
  /// Dynamic pruning with partition amplification.
  package static var dppa: Self { Self(known: "dppa") }
}

extension MethodChoice where Row == MergeMethod {
  /// Elect a sign for each element, then average the deltas that have it.
  package static var ties: Self { Self(known: "ties") }
}

extension MethodChoice where Row == RateMethod {
  /// The rule of the paper's later version.
  package static var acl: Self { Self(known: "acl") }
  /// One rate for each block.
  package static var owl: Self { Self(known: "owl") }
  /// The same rate for all layers.
  package static var uniform: Self { Self(known: "uniform") }
}
