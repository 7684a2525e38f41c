internal import SluiceCore
internal import SluiceStages

extension PruneMethod {
  static let dare = PruneMethod(
    name: "dare",
    summary: "Drop deltas at random, and scale up the rest.",
    parameters: [
      "pruning-rate", "rescale", "scope", "seed", "partition-width", "amplify", "combine",
    ],
    needs: { $0.rescale == .l1 ? .maskSums : [] },
    furtherNeeds: .maskSums,
    paper: "DARE (arXiv 2311.03099)",
    bands: .partitions,
    fixedRates: .uniform,
    transforms: { method, inputs in
      var stages: [any DeltaTransform] = [
        RandomMaskStage(
          rates: method.partitionRates.map(\.value), seed: method.seed, scope: method.maskScope)
      ]
      switch method.rescale {
      case .none: break
      case .inverse:
        let factor = OneFactor(Float(1 / (1 - method.pruningRate.value)))
        stages.append(FactorStage(factor, name: "rescale", scope: method.maskScope))
      case .l1:
        // The pass that finds the factors runs the chain without them.
        if let rescales = inputs.rescales {
          stages.append(FactorStage(rescales, name: "rescale", scope: method.maskScope))
        }
      }
      return stages + [AmplifyStage(ringFactors: inputs.amplification.map(method.ringFactors))]
    })

  static let wanda = PruneMethod(
    name: "wanda",
    summary: "In each output row, keep the largest products of |delta| and the input's norm.",
    parameters: ["pruning-rate", "activations"],
    files: (needed: [.activations], optional: []),
    needs: { _ in .rowCuts },
    paper: "Wanda (arXiv 2306.11695), on deltas",
    bands: .one,
    fixedRates: .uniform,
    transforms: { _, inputs in inputs.rowCuts.map { [RowMaskStage($0)] } ?? [] })

  static let sparseGPT = PruneMethod(
    name: "sparsegpt",
    summary: "Remove what matters least for a layer's outputs, and let the rest make up for it.",
    parameters: ["pruning-rate", "grams", "target", "dampening"],
    files: (needed: [.grams], optional: []),
    needs: { _ in .solve },
    paper: "SparseGPT (arXiv 2301.00774)",
    bands: .one,
    fixedRates: .uniform,
    // What is pruned is read in the place of the models' weights.
    transforms: { _, _ in [] })

  static let none = PruneMethod(
    name: "none", summary: "Keep all deltas.", parameters: [], needs: { _ in [] }, paper: "",
    bands: .none, fixedRates: .uniform, transforms: { _, _ in [] })
}
