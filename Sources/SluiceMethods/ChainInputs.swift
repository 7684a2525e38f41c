package import SluiceStages

/// Between which of the built-in stages a transform of one's own stands.
package enum TransformPlace: String, Sendable, Hashable, CaseIterable {
  /// After `delta`: significance, rates and mask see what it leaves.
  case delta
  /// After `mask`.
  case mask
  /// After `amplify`, before what belongs to the merge: the trim of TIES, and the models' weights.
  case amplify
}

/// What the passes before the merge, and the files of the recipe, give to the chain.
package struct ChainInputs: Sendable {
  /// The number of fine-tuned models.
  package let modelCount: Int
  /// The rates asked for of each tensor.
  package var rates: any RateSource
  /// The most partitions of any tensor.
  package var partitionCount: Int
  /// For each model, what a tensor's deltas are multiplied by before they are merged.
  package var weights: any FactorSource
  /// For each model, the factors of its partitions, most severe first.
  package var amplification: [[Double]]
  /// Where each partition's rate cuts each linear layer.
  package var cuts: any CutSource
  /// Where each row is cut.
  package var rowCuts: (any RowCutSource)?
  /// Where each row is cut by magnitude.
  package var rowBands: (any RowBandSource)?
  /// What makes up for what a mask removed of each row.
  package var rowFactors: (any RowNumberSource)?
  /// Directions that each layer's deltas have.
  package var directions: (any DirectionSource)?
  /// What models are blended by.
  package var blend: (any BlendSource)?
  /// For each row the weights of directions that make up for what a mask removed of it.
  package var corrections: (any RowNumberSource)?
  /// What makes up for the deltas that a mask removed.
  package var rescales: (any FactorSource)?
  /// Where TIES trims.
  package var trims: (any CutSource)?
  /// The sign that most elements elect.
  package var majority: Int?
  /// What stages know of a merge that rounds at each step.
  package var steps: StepSetup?
  /// What they draw from.
  package var seed: UInt64 = 0
  /// What passes added up over each tensor, in their order.
  package var sums: [StepSums] = []
  /// Where a pass found that tensors are cut.
  package var selections: StepSelections?
  /// What a pass found of rows that are merged by themselves.
  package var rowNumbers: (any StepRowNumbers)?
  /// Which deltas a pass over rows keeps.
  package var keepBits: (any KeepBitSource)?
  /// Where bands of deltas are cut.
  package var bands: (any CutSource)?
  /// What each tensor's deltas of each model are multiplied by.
  package var coefficients: (any FactorSource)?
  /// Transforms of one's own, as far as they are ready, in order.
  package var customTransforms: [TransformPlace: [any DeltaTransform]] = [:]
  /// Whether `amplify` sets dropped deltas to zero; not if a stage stands between it and the mask.
  package var fusesMask = true
  /// An operator of one's own in the place of the method's.
  package var customOperator: (any MergeOperator)?

  /// Collects what every method has.
  ///
  /// - Parameters:
  ///   - rates: The rates asked for of each tensor.
  ///   - partitionCount: The most partitions of any tensor.
  ///   - amplification: For each model, the factors of its partitions, most severe first.
  ///   - weights: For each model, what a tensor's deltas are multiplied by.
  ///   - cuts: Where each partition's rate cuts each linear layer.
  package init(
    rates: any RateSource, partitionCount: Int, amplification: [[Double]],
    weights: any FactorSource, cuts: any CutSource
  ) {
    modelCount = amplification.count
    self.rates = rates
    self.partitionCount = partitionCount
    self.amplification = amplification
    self.weights = weights
    self.cuts = cuts
  }

  func customTransforms(after place: TransformPlace) -> [any DeltaTransform] {
    customTransforms[place] ?? []
  }
}
