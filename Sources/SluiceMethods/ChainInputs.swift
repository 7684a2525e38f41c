public import SluiceStages

/// Between which of the built-in stages a transform of one's own stands.
public enum TransformPlace: String, Sendable, Hashable, CaseIterable {
  /// Behind `delta`: significance, rates and mask see what it leaves.
  case delta
  /// Behind `mask`.
  case mask
  /// Behind `amplify`, before what belongs to the merge: the trim of TIES, and the models' weights.
  case amplify
}

/// What the passes before the merge, and the files of the recipe, give to the chain.
public struct ChainInputs: Sendable {
  /// The number of fine-tuned models.
  public let modelCount: Int
  /// The rates asked for of each tensor.
  public var rates: any RateSource
  /// The most partitions of any tensor.
  public var partitionCount: Int
  /// For each model, what a tensor's deltas are multiplied by before they are merged.
  public var weights: any FactorSource
  /// For each model, the factors of its partitions, most severe first.
  public var amplification: [[Double]]
  /// Where each partition's rate cuts each linear layer.
  public var cuts: any CutSource
  /// Where each row is cut.
  public var rowCuts: (any RowCutSource)?
  /// What makes up for the deltas that a mask removed.
  public var rescales: (any FactorSource)?
  /// Where TIES trims.
  public var trims: (any CutSource)?
  /// The sign that most elements elect.
  public var majority: Int?
  /// What each tensor's deltas of each model are multiplied by.
  public var coefficients: (any FactorSource)?
  /// Transforms of one's own, as far as they are ready, in order.
  public var ownTransforms: [TransformPlace: [any DeltaTransform]] = [:]
  /// Whether `amplify` sets dropped deltas to zero; not if a stage stands between it and the mask.
  public var fusesMask = true
  /// An operator of one's own in the place of the method's.
  public var ownRule: (any MergeOperator)?

  /// Collects what every method has.
  ///
  /// - Parameters:
  ///   - rates: The rates asked for of each tensor.
  ///   - partitionCount: The most partitions of any tensor.
  ///   - amplification: For each model, the factors of its partitions, most severe first.
  ///   - weights: For each model, what a tensor's deltas are multiplied by.
  ///   - cuts: Where each partition's rate cuts each linear layer.
  public init(
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

  func ownTransforms(behind place: TransformPlace) -> [any DeltaTransform] {
    ownTransforms[place] ?? []
  }
}
