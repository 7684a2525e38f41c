internal import SluiceKernels
internal import SluiceStages

extension MergeMethod {
  static let ties = MergeMethod(
    name: "ties",
    summary: "Elect a sign for each element, and average the deltas that have it.",
    parameters: [\.tiesFlavor, \.tiesDensity, \.zeroSign, \.tiesAggregation],
    modelParameters: [.weight],
    passes: tiesPasses,
    elects: true,
    paper: "TIES-Merging (arXiv 2306.01708)",
    transforms: { method, inputs in trim(method, inputs) + [weights(inputs)] },
    rule: { method, inputs in
      let zeroSign = resolvedZeroSign(method, inputs)
      // The usual case has a kernel of its own.
      if zeroSign == .positive, method.tiesAggregation == .mean, method.tiesFlavor != .mergekit {
        return TiesOperator()
      }
      return ElectionOperator(
        zeroSign: zeroSign, aggregation: aggregation(method), modelCount: inputs.modelCount,
        factors: inputs.weights)
    })

  static let adaMergingPlusPlus = MergeMethod(
    name: "adamerging++",
    summary: "As adamerging, with only those deltas that TIES selects.",
    parameters: [\.tiesDensity, \.zeroSign],
    files: (needed: [.coefficients], optional: []),
    passes: tiesPasses,
    fixedFlavor: .original, elects: true,
    paper: "AdaMerging++ (arXiv 2310.02575)",
    transforms: { method, inputs in trim(method, inputs) },
    rule: { method, inputs in
      ElectionOperator(
        zeroSign: resolvedZeroSign(method, inputs), aggregation: .scaledSum,
        modelCount: inputs.modelCount, factors: inputs.coefficients ?? OneFactor(1))
    })

  private static let tiesPasses: [PassRequest] = [
    .when({ $0.trimDensity < 1 }, .trim), .when({ $0.electedZeroSign == .majority }, .majority),
  ]

  private static func trim(
    _ method: MethodParameters, _ inputs: ChainInputs
  ) -> [any DeltaTransform] {
    guard method.trimDensity < 1, let trims = inputs.trims else { return [] }
    return [TrimStage(cuts: trims, tieBreak: method.trimTieBreak)]
  }

  private static func resolvedZeroSign(
    _ method: MethodParameters, _ inputs: ChainInputs
  ) -> ZeroSign {
    switch method.electedZeroSign {
    case .positive: return .positive
    case .drop: return .drop
    case .majority:
      let majority = inputs.majority ?? 0
      return majority > 0 ? .positive : majority < 0 ? .negative : .drop
    }
  }

  private static func aggregation(_ method: MethodParameters) -> ElectedAggregation {
    switch (method.tiesAggregation, method.tiesFlavor) {
    case (.sum, _): .sum
    case (.mean, .mergekit): .weightedMean
    case (.mean, _): .mean
    }
  }
}
