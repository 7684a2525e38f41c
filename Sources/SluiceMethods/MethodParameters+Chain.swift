public import SluiceCore
public import SluiceStages

/// A method is nothing but a named chain of stages: here the parameters become one.
extension MethodParameters {
  /// The rates of the partitions, most severe first.
  public var partitionRates: [PruningRate] {
    switch pruning.row.bands {
    case .none: PruningRate(0).map { [$0] } ?? []
    case .one: [pruningRate]
    case .partitions: pruningRate.partitions(width: partitionWidth)
    }
  }

  /// How the rates of linear layers follow from their significance.
  public var assignedRates: Rates { pruning.row.fixedRates ?? rates }

  /// The rule of the place `assign-rates`.
  ///
  /// - Parameter deltaCount: The number of all deltas of a model.
  /// - Returns: The rule.
  public func rateRule(deltaCount: Int) -> any RateRule {
    assignedRates.row.rule(self, deltaCount)
  }

  /// What must be known before the merge.
  public var needs: MethodNeeds {
    pruning.row.needs(self).union(merging.row.needs(self))
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

  /// The stages that prune, for passes that look at what is left.
  ///
  /// - Parameter inputs: What is known so far.
  /// - Returns: The stages.
  public func pruningTransforms(_ inputs: ChainInputs) -> [any DeltaTransform] {
    pruning.row.transforms(self, inputs)
  }

  /// The stages from the mask on.
  ///
  /// - Parameter inputs: What the passes before the merge found.
  /// - Returns: The chain.
  public func chain(_ inputs: ChainInputs) -> MergeChain {
    let row = merging.row
    let merge = MergeStep(row.rule(self, inputs), mergeScale: Float(mergeScale))
    // The plain mean knows neither weights nor a scale.
    let average = MergeStep(MeanOperator(), hasTransforms: false)
    let dense = row.averagesDense ? MergeStep(MeanOperator()) : merge
    return MergeChain(
      transforms: pruningTransforms(inputs) + row.transforms(self, inputs),
      linear: merge, dense: nonLinear == .merge ? dense : average,
      partitionCount: partitionRates.count)
  }
}
