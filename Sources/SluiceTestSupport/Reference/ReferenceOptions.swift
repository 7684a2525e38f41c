public import SluiceCore

/// Everything that a merge by DPPA and TIES can be told.
public struct ReferenceOptions: Sendable {
  /// How tensors that are no linear weights are merged.
  public enum Nonlinear: String, Sendable, CaseIterable {
    /// Dense deltas by the same operator; weights and merge scale apply.
    case merge
    /// The plain mean of the deltas is added to the base; no weights, no merge scale.
    case average
    /// The base's values.
    case base
  }

  /// How the rates of linear tensors follow from their significance.
  public enum Rates: String, Sendable, CaseIterable {
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
  public var pruningRate = 0.8
  /// The distance of the partitions' rates.
  public var partitionWidth = 0.1
  /// Amplification factors by model, most severe partition first; 1 where not given.
  public var amplify: [String: [Double]] = [:]
  /// How many means a significant element exceeds.
  public var significanceMultiple = 5.0
  /// The largest distance of a tensor's rate from the overall one.
  public var maxRateDeviation = 0.08
  /// What happens among elements of equal |delta|.
  public var tieBreak = Reference.TieBreak.spread
  /// Which factor acts on an element of several partitions.
  public var combine = Reference.Combine.ring
  /// Weights by model; 1 where not given.
  public var weight: [String: Double] = [:]
  /// What the merged delta is multiplied by.
  public var mergeScale = 1.0
  /// The float type of the output; nil keeps that of the base, tensor by tensor.
  public var outputDType: DType?
  /// How tensors that are no linear weights are merged.
  public var nonlinear = Nonlinear.merge
  /// How rates are assigned.
  public var rates = Rates.acl
  /// Patterns of names that count as linear although the rule does not say so.
  public var include: [String] = []
  /// Patterns of names that do not count as linear; they win over everything else.
  public var exclude: [String] = []
  /// Whether the head counts as linear.
  public var includesHead = false

  /// How deltas are pruned.
  public var prune = Prune.dppa
  /// How deltas are merged.
  public var merge = Merge.ties
  /// What counts as significance; nil for what the rates count.
  public var significance: Measure?
  /// Whether deviations are stretched.
  public var scalesDeviations = true
  /// Whether rates are moved until they average to the overall one.
  public var rebalances = false
  /// Whether the weighted mean is divided by all deltas of the model.
  public var dividesByAll = false
  /// Whether owl stretches between the smallest and largest share.
  public var owlUsesRange = false
  /// How dropped deltas are made up for.
  public var rescale = Rescale.inverse
  /// Whether random masks leave dense tensors alone.
  public var dropsLinearOnly = false
  /// What random masks are drawn from.
  public var seed: UInt64 = 0
  /// Norms of inputs by model and tensor.
  public var norms: [String: [String: [Float]]] = [:]
  /// Which version of TIES.
  public var flavor = Flavor.plain
  /// The share that TIES leaves; nil for the version's.
  public var density: Double?
  /// The sign of a zero sum; nil for the version's.
  public var zeroSign: ZeroSign?
  /// Whether elected deltas are added up instead of averaged.
  public var addsElected = false
  /// Coefficients by model: the common one, and those of tensors.
  public var coefficients: [String: (common: Double, tensors: [String: Double])] = [:]

  /// The defaults of the product.
  public init() {}

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
