package import SluiceCore
package import SluiceStages

/// A method is nothing but a named chain of stages: here the parameters become one.
extension MethodParameters {
  /// The rates of the partitions, most severe first.
  package var partitionRates: [PruningRate] { partitionRates(of: self.pruningRate) }

  /// The rates of the partitions of a tensor, most severe first.
  package func partitionRates(of rate: PruningRate) -> [PruningRate] {
    switch self.pruning.row.bands {
    case .none: PruningRate(0).map { [$0] } ?? []
    case .one: [rate]
    case .partitions: rate.partitions(width: self.partitionWidth)
    }
  }

  /// How the rates of linear layers follow from their significance.
  package var assignedRates: Rates { self.pruning.row.fixedRates ?? self.rates }

  /// The rule of the place `assign-rates`.
  package func rateRule(deltaCount: Int) -> any RateRule {
    assignedRates.row.rule(self, deltaCount)
  }

  /// The passes before the merge that the method asks for.
  package var passes: Set<PassKind> {
    self.pruning.row.passes(self).union(self.merging.row.passes(self))
  }

  /// The factor of each ring of a model, with 1 where none is given.
  ///
  /// - Parameters:
  ///   - amplification: The factors of the partitions, most severe first.
  ///   - partitionCount: The number of partitions; that of the pruning rate if nil.
  /// - Returns: One factor for each partition.
  package func ringFactors(_ amplification: [Double], partitionCount: Int? = nil) -> [Float] {
    let given = amplification.map { Float($0) }
    let count = partitionCount ?? partitionRates.count
    return self.combination.ringFactors(
      given + Array(repeating: 1, count: max(0, count - given.count)))
  }

  /// The stages before the merge up to a place, with stages of one's own after the built-in ones:
  /// for passes that look at what they leave.
  package func transforms(
    _ inputs: ChainInputs, through place: TransformPlace = .amplify
  ) -> [any DeltaTransform] {
    var transforms = inputs.customTransforms(after: .delta)
    guard place != .delta else { return transforms }
    let pruning = self.pruning.row.stages(self, inputs)
    transforms += pruning.mask + inputs.customTransforms(after: .mask)
    guard place != .mask else { return transforms }
    return transforms + pruning.amplify + inputs.customTransforms(after: .amplify)
  }

  /// The mask alone.
  package func maskTransforms(_ inputs: ChainInputs) -> [any DeltaTransform] {
    self.pruning.row.stages(self, inputs).mask
  }

  /// The stages from the differences on.
  package func chain(_ inputs: ChainInputs) -> MergeChain {
    let row = self.merging.row
    let rule = inputs.customOperator ?? row.rule(self, inputs)
    let merge = MergeStep(rule, mergeScale: Float(self.mergeScale))
    // The plain mean knows neither weights nor a scale.
    let average = MergeStep(MeanOperator(), hasTransforms: false)
    let dense = row.averagesDense ? MergeStep(MeanOperator()) : merge
    return MergeChain(
      transforms: transforms(inputs) + row.transforms(self, inputs),
      linear: merge, dense: self.nonLinear == .merge ? dense : average,
      partitionCount: inputs.partitionCount)
  }
}
