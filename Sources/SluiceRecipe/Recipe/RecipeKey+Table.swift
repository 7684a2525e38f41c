internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// All keys, in the order of the chain. A new setting is one more row.
extension RecipeKey {
  /// The table.
  package static let all: [RecipeKey] = [
    .word(
      "vocabulary", "read", \.vocabulary,
      "What to do where models differ in their number of vocabulary rows."),
    .word(
      "extra-tensors", "read", \.extraTensors,
      "What to do with tensors that the base does not have."),
    .word(
      "absent", "read", \.absent,
      "What to do with tensors that a model does not have; refused where most are missing."),
    .patterns(
      "rename", "read", \.renames,
      "OLD=NEW: names of models that begin with OLD and are not the base's begin with NEW instead."),
    .word("routers", "read", \.routers, "What becomes of routers, which are not pruned."),
    .patterns(
      "linear-include", "read", \.linearSet.include,
      "Further tensors to prune; * stands for anything."),
    .patterns(
      "linear-exclude", "read", \.linearSet.exclude, "Tensors not to prune; * stands for anything."
    ),
    .number(
      "significance-multiple", .notNegative, "significance", as: "multiple",
      \.method.significanceMultiple,
      "How many times the mean a delta must exceed to be significant."),
    .word(
      "significance", "significance", as: "measure", \.method.significance,
      "What counts as significance; what the rate rule counts if not given."),
    .word(
      "rates", "assign-rates", as: "form", \.method.rates,
      "How linear layers' rates follow from their significance."),
    RecipeKey(
      name: "pruning-rate", kind: .number(.rate),
      place: Place(stage: "assign-rates", key: "pruning-rate"),
      summary: "The fraction of each model's deltas to remove.",
      get: { .number($0.method.pruningRate.value) },
      set: { recipe, value in
        if case .number(let number) = value, let rate = PruningRate(number) {
          recipe.method.pruningRate = rate
        }
      }),
    .number(
      "partition-width", .width, "assign-rates", \.method.partitionWidth,
      "The distance between the rates of two partitions."),
    .number(
      "max-rate-deviation", .share, "assign-rates", as: "max-deviation", \.method.maxRateDeviation,
      "The largest shift of a layer's rate."),
    .toggle(
      "deviation-scale", "assign-rates", \.method.scalesDeviations,
      "Whether shifts are stretched so that the largest is the one allowed."),
    .toggle(
      "rebalance", "assign-rates", \.method.rebalancesRates,
      "Whether rates are moved so that, clamped, they average to the one asked for."),
    .word(
      "denominator", "assign-rates", \.method.denominator,
      "What the weighted sum of significances is divided by."),
    .word(
      "owl-norm", "assign-rates", \.method.owlNormalisation,
      "How the rates of owl follow from shares of outliers."),
    .word("prune", "mask", as: "by", \.method.pruning, "How deltas are pruned."),
    .word(
      "tie-break", "mask", \.method.tieBreak,
      "Which of the elements exactly at a threshold are kept."),
    .word("target", "mask", \.method.solveTarget, "Whether sparsegpt removes weights or deltas."),
    .number(
      "dampening", .notNegative, "mask", \.method.dampening,
      "What sparsegpt adds to the diagonal, as a share of its mean."),
    .word("scope", "mask", \.method.maskScope, "Which tensors a random mask prunes."),
    RecipeKey(
      name: "seed", kind: .integer, place: Place(stage: "mask", key: "seed"),
      summary: "What random masks are drawn from.", get: { .integer($0.method.seed) },
      set: { recipe, value in
        if case .integer(let seed) = value { recipe.method.seed = seed }
      }),
    .word(
      "rescale", "amplify", \.method.rescale,
      "What makes up for deltas that a random mask drops."),
    .word(
      "combine", "amplify", \.method.combination,
      "How factors of nested partitions combine."),
    .word("merge", "merge", as: "operator", \.method.merging, "How the models' deltas become one."),
    .word(
      "ties-flavor", "merge", as: "flavor", \.method.tiesFlavor, "Which version of TIES."),
    .number(
      "ties-density", .density, "merge", as: "density", \.method.tiesDensity,
      "The fraction that TIES itself leaves; 0.2 for original, 1 for mergekit if not given."),
    .word(
      "zero-sign", "merge", \.method.zeroSign,
      "The sign that a sum of zero elects; majority for original, else positive if not given."),
    .word(
      "ties-aggregation", "merge", as: "aggregation", \.method.tiesAggregation,
      "What becomes of deltas that have the elected sign."),
    .number(
      "temperature", .positive, "merge", \.method.temperature,
      "How far losses tell models apart in lm-cocktail: higher means less."),
    .number(
      "off-diagonal", .share, "merge", \.method.offDiagonal,
      "What regmean multiplies elements off the diagonal by."),
    .number(
      "merge-scale", .any, "merge", as: "scale", \.method.mergeScale,
      "What the merged delta is multiplied by."),
    .word(
      "nonlinear", "merge", \.method.nonLinear,
      "What becomes of tensors that are not linear layers."),
    RecipeKey(
      name: "dtype", kind: .dtype, place: Place(stage: "write", key: "dtype"),
      summary: "The type of the merged weights; each base tensor's own if not given.",
      get: { $0.outputDType.map { .word($0.rawValue) } ?? .none },
      set: { recipe, value in
        if case .word(let word) = value { recipe.outputDType = DType(rawValue: word) }
      }),
    RecipeKey(
      name: "shard-size", kind: .size, place: Place(stage: "write", key: "shard-size"),
      summary: "The most bytes of tensors in a file of the result.",
      get: { .size($0.shardSize) },
      set: { recipe, value in
        if case .size(let size) = value { recipe.shardSize = size }
      }),
  ]

  /// The value that the key has where nobody says anything.
  package var defaultValue: RecipeValue {
    let standard = PruningRate.standard
    return get(MergeRecipe(base: "", models: [], method: MethodParameters(pruningRate: standard)))
  }
}
