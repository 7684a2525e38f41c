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
  /// - Parameter amplification: The factors of the partitions, most severe first.
  /// - Returns: One factor for each partition.
  public func ringFactors(_ amplification: [Double]) -> [Float] {
    let given = amplification.map { Float($0) }
    let ones = Array(repeating: Float(1), count: max(0, partitionRates.count - given.count))
    return combination.ringFactors(given + ones)
  }

  /// The stages from the mask on.
  ///
  /// - Parameters:
  ///   - cuts: Where each partition's rate cuts each tensor.
  ///   - amplification: For each model, the factors of its partitions, most severe first.
  ///   - weights: For each model, what its deltas are multiplied by.
  /// - Returns: The chain.
  public func chain(
    cuts: any CutSource, amplification: [[Double]], weights: [Double]
  ) -> MergeChain {
    let merge =
      switch merging {
      case .ties: MergeStep(TiesOperator(), mergeScale: Float(mergeScale))
      }
    // The plain mean knows neither weights nor a scale.
    let average = MergeStep(MeanOperator(), hasTransforms: false)
    return MergeChain(
      transforms: [
        MaskStage(cuts: cuts, tieBreak: tieBreak, zeroesDropped: false),
        AmplifyStage(ringFactors: amplification.map(ringFactors), zeroesDropped: true),
        WeightStage(weights: weights.map { Float($0) }),
      ],
      linear: merge, dense: nonLinear == .merge ? merge : average,
      partitionCount: partitionRates.count)
  }
}
