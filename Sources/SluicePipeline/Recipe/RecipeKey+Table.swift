internal import SluiceCore
internal import SluiceKernels
internal import SluiceMethods
internal import SluiceStages

/// All keys, in the order of the chain. A new setting is one more row.
extension RecipeKey {
  /// The table.
  public static let all: [RecipeKey] = [
    .word(
      "vocabulary", "read", \.vocabulary,
      "What to do where models differ in their number of vocabulary rows."),
    .word(
      "extra-tensors", "read", \.extraTensors,
      "What to do with tensors that the base does not have."),
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
    .word("prune", "mask", as: "by", \.method.pruning, "How deltas are pruned."),
    .word(
      "tie-break", "mask", \.method.tieBreak,
      "Which of the elements exactly at a threshold are kept."),
    .word(
      "combine", "amplify", \.method.combination,
      "How factors of nested partitions combine."),
    .word("merge", "merge", as: "operator", \.method.merging, "How the models' deltas become one."),
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
  public var defaultValue: RecipeValue {
    let standard = PruningRate.standard
    return get(MergeRecipe(base: "", models: [], method: MethodParameters(pruningRate: standard)))
  }
}
