package import SluiceCore

/// Everything that a merge by DPPA and TIES can be told.
package struct ReferenceOptions: Sendable {
  /// How tensors that are no linear weights are merged.
  package enum Nonlinear: String, Sendable, CaseIterable {
    /// Dense deltas by the same operator; weights and merge scale apply.
    case merge
    /// The plain mean of the deltas is added to the base; no weights, no merge scale.
    case average
    /// The base's values.
    case base
  }

  /// How the rates of linear tensors follow from their significance.
  package enum Rates: String, Sendable, CaseIterable {
    /// By deviation from the weighted mean, DPPA eq. 4 to 6.
    case acl
    /// By deviations of block and layer, DPPA's first version, eq. 1 to 5.
    case arxiv
    /// As arxiv, by shares of elements.
    case code
    /// By outliers of the block.
    case owl
    /// The same rate everywhere.
    case uniform
  }

  /// The fraction of deltas that the widest partition removes.
  package var pruningRate = 0.8
  /// The distance of the partitions' rates.
  package var partitionWidth = 0.1
  /// Amplification factors by model, most severe partition first; 1 where not given.
  package var amplify: [String: [Double]] = [:]
  /// How many means a significant element exceeds.
  package var significanceMultiple = 5.0
  /// The largest distance of a tensor's rate from the overall one.
  package var maxRateDeviation = 0.08
  /// What happens among elements of equal |delta|.
  package var tieBreak = Reference.TieBreak.spread
  /// Which factor acts on an element of several partitions.
  package var combine = Reference.Combine.ring
  /// Weights by model; 1 where not given.
  package var weight: [String: Double] = [:]
  /// What the merged delta is multiplied by.
  package var mergeScale = 1.0
  /// The float type of the output; nil keeps that of the base, tensor by tensor.
  package var outputDType: DType?
  /// How tensors that are no linear weights are merged.
  package var nonlinear = Nonlinear.merge
  /// How rates are assigned.
  package var rates = Rates.acl
  /// Patterns of names that count as linear although the rule does not say so.
  package var include: [String] = []
  /// Patterns of names that do not count as linear; they win over everything else.
  package var exclude: [String] = []
  /// Whether the head counts as linear.
  package var includesHead = false

  /// How deltas are pruned.
  package var prune = Prune.dppa
  /// How deltas are merged.
  package var merge = Merge.ties
  /// What counts as significance; nil for what the rates count.
  package var significance: Measure?
  /// Whether deviations are stretched.
  package var scalesDeviations = true
  /// Whether rates are moved until they average to the overall one.
  package var rebalances = false
  /// Whether the weighted mean is divided by all deltas of the model.
  package var dividesByAll = false
  /// Whether owl stretches between the smallest and largest share.
  package var owlUsesRange = false
  /// How dropped deltas are made up for.
  package var rescale = Rescale.inverse
  /// What norms of rows are multiplied by where they are restored.
  package var rowFactor = 1.0
  /// Whether the largest deltas of each row are kept.
  package var keepsByRow = false
  /// Along how many directions of their own rows are compensated; not at all if nil.
  package var ownRank: Int?
  /// The percentage of its squares that a layer's directions hold instead, `ownRank` being the most of them.
  package var ownPercent: Double?
  /// What is added to the diagonal there, as a share of its mean.
  package var ridge = 0.01
  /// What is added to the diagonals of own Gram matrices, as a share of their mean.
  package var gramShare = 0.1
  /// The share of each row of blended deltas that is removed.
  package var blendRate = 0.0
  /// What the norms of rows are multiplied by there.
  package var blendFactor = 1.0
  /// Whether what is left of a row of blended deltas makes up for what is not.
  package var compensatesBlends = false
  /// Whether random masks leave dense tensors alone.
  package var dropsLinearOnly = false
  /// What random masks are drawn from.
  package var seed: UInt64 = 0
  /// Norms of inputs by model and tensor.
  package var norms: [String: [String: [Float]]] = [:]
  /// Which version of TIES.
  package var flavor = Flavor.plain
  /// The share that TIES leaves; nil for the version's.
  package var density: Double?
  /// The sign of a zero sum; nil for the version's.
  package var zeroSign: ZeroSign?
  /// Whether elected deltas are added up instead of averaged.
  package var addsElected = false
  /// Coefficients by model: the common one, and those of tensors.
  package var coefficients: [String: (common: Double, tensors: [String: Double])] = [:]

  /// The defaults of the product.
  package init() {}

  /// What is done with a tensor.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - dtype: Its type in the base.
  ///   - shape: Its dimensions.
  /// - Returns: Its role, judged by name and rank, then by type.
  /// - Throws: `ReferenceError.unmergeable` for weights of a type that has no delta here.
  func role(name: String, dtype: DType, shape: TensorShape) throws(ReferenceError) -> Reference.Role
  {
    if Reference.isRotaryBuffer(name) { return .copied }
    let isLinear =
      !exclude.contains { Reference.matches(name, pattern: $0) }
      && (Reference.isLinear(name: name, rank: shape.rank)
        || include.contains { Reference.matches(name, pattern: $0) }
        || includesHead && name == TinyModel.headName)
    if dtype.isMergeable { return isLinear ? .linear : .nonlinear }
    if isLinear || dtype.isFloatingPoint { throw .unmergeable(tensor: name) }
    return .copied
  }
}
