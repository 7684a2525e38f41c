internal import SluiceCore
internal import SluiceStages

extension PruneMethod {
  static let dare = PruneMethod(
    name: "dare",
    summary: "Drop deltas at random, and scale up the rest.",
    parameters: [
      \.pruningRate, \.rescale, \.rowFactor, \.maskScope, \.partitionWidth, \.combination,
    ] + compensation,
    passes: [.when({ $0.usedRescale == .l1 }, .maskSums)] + rowPasses,
    paper: "DARE (arXiv 2311.03099)",
    bands: .partitions,
    drawsMasks: true,
    fixedRates: .uniform,
    stages: { method, inputs in
      let factors: (any FactorSource)? =
        switch method.usedRescale {
        case .rowL2: InverseRescale(rates: inputs.rates, sparesLinear: true)
        case .none where method.compensates && method.rescale == nil:
          InverseRescale(rates: inputs.rates, sparesLinear: true)
        case .none: nil
        case .inverse: InverseRescale(rates: inputs.rates)
        // The pass that finds the factors runs the chain without them.
        case .l1: inputs.rescales
        }
      // What is left is multiplied as the rest becomes zero, where no pass looks at what the mask leaves.
      let isFused = inputs.fusesMask && method.usedRescale == .inverse
      let rescale = factors.map {
        FactorStage($0, name: "rescale", scope: method.maskScope, zeroesDropped: isFused)
      }
      let mask = RandomMaskStage(
        rates: inputs.rates, seed: method.seed, scope: method.maskScope, zeroesDropped: !isFused)
      return PruningStages(
        mask: [mask],
        amplify: [rescale].compactMap(\.self) + makeUp(method, inputs) + [
          AmplifyStage(ringFactors(method, inputs))
        ])
    })

  static let wanda = PruneMethod(
    name: "wanda",
    summary: "In each output row, keep the largest products of |delta| and the input's norm.",
    parameters: [\.pruningRate] + compensation,
    files: (needed: [.activations], optional: []),
    passes: [.always(.rowCuts)] + rowPasses,
    paper: "Wanda (arXiv 2306.11695), on deltas",
    bands: .one,
    fixedRates: .uniform,
    stages: { method, inputs in
      PruningStages(
        mask: inputs.rowCuts.map { [RowMaskStage($0)] } ?? [], amplify: makeUp(method, inputs))
    })

  static let sparseGPT = PruneMethod(
    name: "sparsegpt",
    summary: "Remove what matters least for a layer's outputs, and let the rest make up for it.",
    parameters: [\.pruningRate, \.solveTarget, \.dampening],
    files: (needed: [.grams], optional: []),
    passes: [.always(.solve)],
    paper: "SparseGPT (arXiv 2301.00774)",
    bands: .one,
    fixedRates: .uniform,
    // What is pruned is read in the place of the models' weights.
    stages: { _, _ in PruningStages() })

  static let none = PruneMethod(
    name: "none", summary: "Keep all deltas.", parameters: [], paper: "",
    bands: .none, fixedRates: .uniform, stages: { _, _ in PruningStages() })
}

/// What makes up for deltas removed at random: 1 / (1 - rate).
private struct InverseRescale: FactorSource {
  let rates: any RateSource
  /// Whether linear layers are left alone, since their rows are made up for by themselves.
  var sparesLinear = false

  func factor(of task: TensorTask, model: Int) -> Float {
    if sparesLinear, task.role == .linear { return 1 }
    // The last partition's rate is the one asked for.
    return Float(1 / (1 - (rates.partitionRates(of: task, model: model).last?.value ?? 0)))
  }
}
