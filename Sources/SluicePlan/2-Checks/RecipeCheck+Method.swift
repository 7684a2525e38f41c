internal import SluiceRecipe
internal import SluiceCore
internal import SluiceMethods
internal import SluiceStages

extension RecipeCheck {
  /// Checks that a method has what it needs, and nothing that it would not look at.
  static func checkMethod(_ recipe: MergeRecipe) throws(PipelineError) {
    let method = recipe.method
    let (prune, merge) = (method.pruning.row, method.merging.row)
    guard recipe.steps != nil || recipe.models.count >= merge.leastModels else {
      throw .usage("--merge \(merge.name) needs at least \(merge.leastModels) fine-tuned models")
    }
    let needed = Set(prune.files.needed + merge.files.needed)
    let known = needed.union(prune.files.optional + merge.files.optional)
    for file in MethodInputFile.allCases {
      let method =
        prune.files.needed.contains(file) ? "--prune \(prune.name)" : "--merge \(merge.name)"
      for model in file.isOfModel ? recipe.models : [] {
        try check(
          file, isGiven: model.extraFiles[file] != nil, isNeeded: needed.contains(file),
          isKnown: known.contains(file), by: method, model: model.name)
      }
      guard !file.isOfModel else { continue }
      try check(
        file, isGiven: recipe.extraFiles[file] != nil, isNeeded: needed.contains(file),
        isKnown: known.contains(file), by: method, model: nil)
    }
    if !merge.modelParameters.contains(.weight), recipe.models.contains(where: { $0.isWeighted }) {
      throw .usage(
        "--merge \(merge.name) does not look at weights",
        remedy: "--merge sum adds the deltas up, each times its model's weight.")
    }
    guard merge.passes(method).isDisjoint(with: PassKind.solving) || prune.bands == .none else {
      throw .usage(
        "--merge \(merge.name) solves for the models as they are",
        remedy: "Add --prune none, or choose another merging for pruned models.")
    }
    try checkRescale(recipe)
    try checkTies(method)
    try checkRates(recipe)
    try checkWeights(recipe)
  }

  private static func check(
    _ file: MethodInputFile, isGiven: Bool, isNeeded: Bool, isKnown: Bool, by method: String,
    model: String?
  ) throws(PipelineError) {
    let value = model.map { "\($0)=FILE" } ?? "FILE"
    if isNeeded, !isGiven {
      throw .usage(
        "\(method) needs a file of \(file.rawValue)", remedy: "Add \(file.option) \(value).")
    }
    if isGiven, !isKnown {
      throw .usage(
        "\(method) reads no file of \(file.rawValue)", remedy: "Leave \(file.option) out.")
    }
  }

  private static func checkTies(_ method: MethodParameters) throws(PipelineError) {
    guard let density = method.tiesDensity else { return }
    if method.merging.row.elects, method.selectingFlavor == .plain, density < 1 {
      throw .usage(
        "the plain TIES does not trim",
        remedy:
          "--ties-flavor original trims all tensors at one threshold, mergekit each by itself.")
    }
  }

  private static func checkWeights(_ recipe: MergeRecipe) throws(PipelineError) {
    let merge = recipe.method.merging.row
    guard merge.weightsAreShares else { return }
    guard recipe.extraFiles[.losses] == nil else {
      guard !recipe.models.contains(where: { $0.isWeighted }) else {
        throw .usage(
          "the weights of --merge \(merge.name) are given, and a file of losses that they follow from",
          remedy: "Leave one of them out.")
      }
      return
    }
    guard recipe.models.allSatisfy({ $0.weightByTensor == nil }) else {
      throw .usage("the weights of --merge \(merge.name) are shares: one number for each model")
    }
    var sum = 0.0
    for model in recipe.models { sum += model.weight }
    guard sum <= 1 + 1e-6, recipe.models.allSatisfy({ $0.weight >= 0 }) else {
      throw .usage(
        "the weights of --merge \(merge.name) add up to \(sum); they are shares of one model",
        remedy: "Give weights from 0 on that add up to at most 1 (the rest is the base's), or "
          + "--losses FILE.")
    }
  }
  private static func checkRates(_ recipe: MergeRecipe) throws(PipelineError) {
    let method = recipe.method
    for model in recipe.models {
      guard let rate = model.pruningRate else { continue }
      guard method.pruning.row.bands != .none else {
        throw .usage(
          "--prune \(method.pruning.rawValue) has no use for a pruning rate of model \(model.name)",
          remedy: "Leave it out, or choose a pruning.")
      }
      guard !method.rebalancesRates || rate.constant != nil else {
        throw .usage(
          "rates of model \(model.name) that differ from tensor to tensor cannot be rebalanced",
          remedy: "Leave rebalance out, or give the model one rate.")
      }
    }
  }

  /// What makes up for a mask must know it: for one that was drawn the rate says enough, for others the rows.
  private static func checkRescale(_ recipe: MergeRecipe) throws(PipelineError) {
    let method = recipe.method
    let knows = method.uses(ParameterRow.at(\.rescale))
    if knows, let rescale = method.rescale, [.inverse, .l1].contains(rescale),
      !method.pruning.row.drawsMasks
    {
      throw .usage(
        "--rescale \(rescale.rawValue) makes up for deltas that are dropped at random, and "
          + "--prune \(method.pruning.rawValue) keeps the largest",
        remedy: "--rescale row-l2 restores the norm of each row.")
    }
    guard !knows || method.rowFactor == 1 || method.restoresNorms else {
      throw .usage(
        "--row-l2-factor is what --rescale row-l2 multiplies norms by, and that is not asked for",
        remedy: "Add --rescale row-l2.")
    }
    try checkCompensation(method)
    let early = recipe.stages.transforms.first { $0.place == .mask }
    if let early, method.makesUpForRows {
      throw .usage(
        "\(method.compensates ? "--compensate own" : "--rescale row-l2") compares rows before and "
          + "after the mask, and the stage \(early.transform.name.printable) would change them in "
          + "between",
        remedy: "Move it after amplify.")
    }
  }

  private static func checkCompensation(_ method: MethodParameters) throws(PipelineError) {
    let ranks: ClosedRange<UInt64> = 1...1024
    guard
      !(method.compensates || method.blends) || ranks.contains(method.usedSketchRank.mostDirections)
    else {
      throw .usage("--sketch-rank must lie in 1 ... 1024; it is \(method.usedSketchRank.text)")
    }
    try checkBlends(method)
    guard method.compensates || method.blends else {
      // What masks of their own are drawn from is another matter.
      let drawn: [ParameterRow] = method.pruning.row.drawsMasks ? [] : [.at(\.seed)]
      for row in [ParameterRow.at(\.sketchRank), .at(\.ridge)] + drawn
      where method.uses(row) && method[row] != row.defaultValue {
        throw .usage(
          "\(row.flag) is of --compensate own, and that is not asked for",
          remedy: "Leave it out, or add --compensate own.")
      }
      return
    }
    guard !method.compensates || method.usedRescale == Rescale.none else {
      throw .usage(
        "--compensate own makes up for what the mask removes already",
        remedy: "Leave --rescale out.")
    }
  }

  /// Where whole Gram matrices are solved with there are neither directions nor parts of single models.
  private static func checkSolved(_ method: MethodParameters) throws(PipelineError) {
    guard method.solvesOwn else { return }
    let unused: [ParameterRow] = [.at(\.compensation), .at(\.seed)]
    for row in unused where method[row] != row.defaultValue {
      throw .usage(
        "\(row.flag) needs directions, and --sketch-rank all solves without",
        remedy: "Leave it out, or give --sketch-rank a number or a share.")
    }
  }

  private static func checkBlends(_ method: MethodParameters) throws(PipelineError) {
    guard method.blends else {
      guard !method.compensates || method.sketchRank != .all else {
        throw .usage(
          "--sketch-rank all is of --merge own-regmean; a row is compensated along directions",
          remedy: "Give a number of directions, or a share.")
      }
      return
    }
    try checkSolved(method)
    guard method.blendFactor == 1 || method.blendRate > 0 else {
      throw .usage(
        "--blend-factor is what norms are multiplied by where --blend-rate removes deltas, and that is 0",
        remedy: "Leave it out, or add --blend-rate.")
    }
    let ridge = ParameterRow.at(\.ridge)
    guard method.compensatesBlends || method[ridge] == ridge.defaultValue else {
      throw .usage(
        "--ridge is of --compensate own, and that is not asked for",
        remedy: "Leave it out, or add --compensate own.")
    }
    guard method.compensatesBlends else { return }
    guard method.blendRate > 0 else {
      throw .usage(
        "--compensate own makes up for what --blend-rate removes of blended deltas, and that is 0",
        remedy: "Leave it out, or add --blend-rate.")
    }
    guard method.blendFactor == 1 else {
      throw .usage(
        "--compensate own makes up for what --blend-rate removes already",
        remedy: "Leave --blend-factor out.")
    }
  }
}
