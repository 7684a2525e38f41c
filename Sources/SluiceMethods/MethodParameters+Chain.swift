public import SluiceCore
public import SluiceStages

/// A method is nothing but a named chain of stages: here the parameters become one.
extension MethodParameters {
  /// The rates of the partitions, most severe first.
  public var partitionRates: [PruningRate] { pruningRate.partitions(width: partitionWidth) }

  /// The rule of the place `assign-rates`.
  public var rateRule: any RateRule {
    switch rates {
    case .acl: DeviationRates(maxRateDeviation: maxRateDeviation)
    case .uniform: UniformRates()
    }
  }

  /// The factor of each ring of a model, with 1 where none is given.
  ///
  /// - Parameters:
  ///   - amplification: The factors of the partitions, most severe first.
  ///   - partitionCount: The number of partitions; that of the pruning rate if nil.
  /// - Returns: One factor for each partition.
  public func ringFactors(_ amplification: [Double], partitionCount: Int? = nil) -> [Float] {
    let given = amplification.map { Float($0) }
    let count = partitionCount ?? partitionRates.count
    return combination.ringFactors(given + Array(repeating: 1, count: max(0, count - given.count)))
  }

  /// The stages from the mask on.
  ///
  /// - Parameters:
  ///   - cuts: Where each partition's rate cuts each tensor.
  ///   - amplification: For each model, the factors of its partitions, most severe first.
  ///   - weights: For each model, what the deltas of a tensor are multiplied by.
  ///   - fusesMask: Whether `amplify` sets dropped deltas to zero; not if a stage stands between.
  /// - Returns: The chain.
  public func chain(
    cuts: any CutSource, amplification: [[Double]], weights: [@Sendable (TensorTask) -> Float],
    fusesMask: Bool = true
  ) -> MergeChain {
    let merge =
      switch merging {
      case .ties: MergeStep(TiesOperator(), mergeScale: Float(mergeScale))
      }
    // The plain mean knows neither weights nor a scale.
    let average = MergeStep(MeanOperator(), hasTransforms: false)
    return MergeChain(
      transforms: [
        MaskStage(cuts: cuts, tieBreak: tieBreak, zeroesDropped: !fusesMask),
        AmplifyStage(
          ringFactorsByCount: amplification.map { factors in
            { count in ringFactors(factors, partitionCount: count) }
          }, zeroesDropped: fusesMask),
        WeightStage(weightsByTensor: weights),
      ],
      linear: merge, dense: nonLinear == .merge ? merge : average,
      partitionCount: cuts.partitionCount)
  }
}
