package import SluiceAdapters
package import SluiceCore
package import SluiceKernels
package import SluiceStages

/// All parameters, in the order of the chain.
///
/// A new one is one more row.
package struct ParameterTable: Sendable {
  /// The table.
  package static let shared = ParameterTable()

  package let vocabulary = Parameter<MethodParameters.Vocabulary>(
    "vocabulary", .error, in: "read",
    "What to do where models differ in their vocabularies.")
  package let extraTensors = Parameter<MethodParameters.ExtraTensors>(
    "extra-tensors", .error, in: "read",
    "What to do with tensors that the base does not have.")
  package let absent = Parameter<MethodParameters.Absent?>(
    "absent", nil, in: "read",
    "What to do with tensors that a model does not have; refused where most are missing.")
  package let renames = Parameter<[String]>(
    "rename", [], in: "read",
    "OLD=NEW: names of models that begin with OLD and are not the base's begin with NEW instead.")
  package let routers = Parameter<MethodParameters.Routers>(
    "routers", .merge, in: "read",
    "What becomes of routers, which are not pruned.")
  package let loraRounding = Parameter<AdapterRounding>(
    "lora-rounding", .exact, in: "read",
    "How adapters' deltas are rounded: exact, or as PEFT rounds them, to be compared.")
  package let loraExperts = Parameter<ExpertPacking?>(
    "lora-experts", nil, in: "read",
    "How adapters of stacked experts are packed; must be said where it matters.")
  package let linearInclude = Parameter<[String]>(
    "linear-include", [], in: "read",
    "Further tensors to prune; * stands for anything.")
  package let linearExclude = Parameter<[String]>(
    "linear-exclude", [], in: "read",
    "Tensors not to prune; * stands for anything.")

  package let significanceMultiple = Parameter<Double>(
    "significance-multiple", 5, .notNegative, in: "significance", as: "multiple",
    "How many times the mean a delta must exceed to be significant (the paper's N).")
  package let significance = Parameter<SignificanceMeasure?>(
    "significance", nil, in: "significance", as: "measure",
    "What counts as significance; what the rate rule counts if not given.")

  package let rates = Parameter<MethodParameters.Rates>(
    "rates", .acl, in: "assign-rates", as: "form",
    "How linear layers' rates follow from their significance.",
    derived: { $0.assignedRates.untyped })
  package let pruningRate = Parameter<PruningRate>(
    "pruning-rate", .standard, in: "assign-rates",
    "The fraction of each model's deltas to remove (the paper's alpha).")
  package let partitionWidth = Parameter<Double>(
    "partition-width", 0.1, .width, in: "assign-rates",
    "The distance between the rates of two partitions (the paper's beta).")
  package let maxRateDeviation = Parameter<Double>(
    "max-rate-deviation", 0.08, .share, in: "assign-rates", as: "max-deviation",
    "The largest shift of a layer's rate (the paper's lambda).")
  package let scalesDeviations = Parameter<Bool>(
    "deviation-scale", true, in: "assign-rates",
    "Whether shifts are stretched so that the largest is the one allowed (the paper's fac).")
  package let rebalancesRates = Parameter<Bool>(
    "rebalance", false, in: "assign-rates",
    "Whether rates are moved so that, clamped, they average to the one asked for.")
  package let denominator = Parameter<MethodParameters.Denominator>(
    "denominator", .linear, in: "assign-rates",
    "What the weighted sum of significances is divided by.")
  package let owlNormalisation = Parameter<OutlierRates.Normalisation>(
    "owl-norm", .maxabs, in: "assign-rates",
    "How the rates of owl follow from shares of outliers.")

  package let pruning = Parameter<MethodParameters.Pruning>(
    "prune", .dppa, in: "mask", as: "by",
    "How deltas are pruned.")
  package let tieBreak = Parameter<TieBreak>(
    "tie-break", .spread, in: "mask",
    "Which of the elements exactly at a threshold are kept.")
  package let solveTarget = Parameter<MethodParameters.SolveTarget>(
    "target", .weights, in: "mask",
    "Whether weights or deltas are removed.")
  package let dampening = Parameter<Double>(
    "dampening", 0.01, .notNegative, in: "mask",
    "What is added to the diagonal of a Gram matrix, as a share of its mean.")
  package let maskUnit = Parameter<MaskUnit>(
    "mask-scope", .tensor, in: "mask",
    "Over what the largest deltas are chosen: a linear layer, or each of its rows.")
  package let maskScope = Parameter<TransformScope>(
    "scope", .all, in: "mask",
    "Which tensors a random mask prunes.")
  package let seed = Parameter<UInt64>(
    "seed", 0, in: "mask",
    "What random masks, and the signs that directions are looked for with, are drawn from.")

  package let compensation = Parameter<Compensation>(
    "compensate", .none, in: "mask",
    "What makes up in each row for what the mask removes; own: what is kept, along the delta's own directions."
  )
  package let sketchRank = Parameter<SketchRank?>(
    "sketch-rank", nil, in: "mask",
    "How many of a delta's own directions are looked for in each linear layer, or what share of its squares they hold, such as 75%, or all for whole Gram matrices; 32 for each model of own-regmean, else 16 if not given.",
    derived: { $0.usedSketchRank.untyped })
  package let ridge = Parameter<Double>(
    "ridge", 0.01, .positive, in: "mask",
    "What is added to the diagonal where a row is compensated, as a share of its mean.")

  package let rescale = Parameter<Rescale?>(
    "rescale", nil, in: "amplify",
    "What makes up for deltas that a mask drops; inverse for random masks if not given, else none.",
    derived: { $0.usedRescale.untyped })
  package let rowFactor = Parameter<Double>(
    "row-l2-factor", 1, .positive, in: "amplify",
    "What norms of rows are multiplied by where they are restored.")
  package let combination = Parameter<PartitionCombination>(
    "combine", .ring, in: "amplify",
    "How factors of nested partitions combine.")

  package let merging = Parameter<MethodParameters.Merging>(
    "merge", .ties, in: "merge", as: "operator",
    "How the models' deltas become one.")
  package let tiesFlavor = Parameter<TiesFlavor>(
    "ties-flavor", .plain, in: "merge", as: "flavor",
    "Which version of TIES.",
    derived: { $0.selectingFlavor.untyped })
  package let tiesDensity = Parameter<Double?>(
    "ties-density", nil, .density, in: "merge", as: "density",
    "The fraction that TIES itself leaves; 0.2 for original, 1 for mergekit if not given.",
    derived: { $0.trimDensity.untyped })
  package let zeroSign = Parameter<ZeroSignRule?>(
    "zero-sign", nil, in: "merge",
    "The sign that a sum of zero elects; majority for original, else positive if not given.",
    derived: { $0.electedZeroSign.untyped })
  package let tiesAggregation = Parameter<TiesAggregation>(
    "ties-aggregation", .mean, in: "merge", as: "aggregation",
    "What becomes of deltas that have the elected sign.")
  package let temperature = Parameter<Double>(
    "temperature", 5, .positive, in: "merge",
    "How far losses tell models apart: higher means less.")
  package let offDiagonal = Parameter<Double>(
    "off-diagonal", 0.9, .share, in: "merge",
    "What elements of Gram matrices off the diagonal are multiplied by.")
  package let gramShare = Parameter<Double>(
    "gram-share", 0.1, .positive, in: "merge",
    "What is added to the diagonals of deltas' own Gram matrices, as a share of their mean.")
  package let blendRate = Parameter<Double>(
    "blend-rate", 0, .rate, in: "merge",
    "The fraction of each row of a model's deltas that own-regmean removes once it has blended them."
  )
  package let blendFactor = Parameter<Double>(
    "blend-factor", 1, .positive, in: "merge",
    "What the norms of rows are multiplied by that own-regmean restores where it removes deltas.")
  package let mergeScale = Parameter<Double>(
    "merge-scale", 1, .any, in: "merge", as: "scale",
    "What the merged delta is multiplied by.")
  package let nonLinear = Parameter<MethodParameters.NonLinear>(
    "nonlinear", .merge, in: "merge",
    "What becomes of tensors that are not linear layers.")

  package let outputDType = Parameter<DType?>(
    "dtype", nil, in: "write",
    "The type of the merged weights; each base tensor's own if not given.")
  package let shardSize = Parameter<ByteCount>(
    "shard-size", ByteCount(5_000_000_000), in: "write",
    "The most bytes of tensors in a file of the result.")

  private init() {}
}
