public import SluiceCore
public import SluiceKernels
public import SluiceStages

/// What a user can set of a method; each value has the default of the paper or of our specification.
public struct MethodParameters: Sendable, Hashable {
  /// How deltas are pruned.
  public enum Pruning: String, Sendable, Hashable, CaseIterable {
    /// Dynamic pruning with partition amplification.
    case dppa
  }

  /// How the models' deltas become one.
  public enum Merging: String, Sendable, Hashable, CaseIterable {
    /// Elect a sign for each element, then average the deltas that have it.
    case ties
  }

  /// How the rates of linear layers follow from their significance.
  public enum Rates: String, Sendable, Hashable, CaseIterable {
    /// The rule of the paper's later version.
    case acl
    /// The same rate for all layers.
    case uniform
  }

  /// What becomes of tensors that are not linear layers.
  public enum NonLinear: String, Sendable, Hashable, CaseIterable {
    /// Merged by the same operator, not pruned.
    case merge
    /// The base plus the mean of the deltas.
    case average
    /// The base's own.
    case base
  }

  /// How deltas are pruned.
  public var pruning: Pruning = .dppa
  /// How the models' deltas become one.
  public var merging: Merging = .ties
  /// The fraction of deltas to remove (the paper's alpha).
  public var pruningRate: PruningRate
  /// The distance between the rates of two partitions (the paper's beta).
  public var partitionWidth = 0.1
  /// How the rates of linear layers follow from their significance.
  public var rates: Rates = .acl
  /// How many times the mean a delta must exceed to be significant (the paper's N).
  public var significanceMultiple = 5.0
  /// The largest shift of a layer's rate (the paper's lambda).
  public var maxRateDeviation = 0.08
  /// Which of the elements at a threshold are kept.
  public var tieBreak: TieBreak = .spread
  /// How factors of nested partitions combine.
  public var combination: PartitionCombination = .ring
  /// What becomes of tensors that are not linear layers.
  public var nonLinear: NonLinear = .merge
  /// What the merged delta is multiplied by before it is added to the base.
  public var mergeScale = 1.0

  /// Makes the default parameters for a rate.
  ///
  /// - Parameter pruningRate: The fraction of deltas to remove.
  public init(pruningRate: PruningRate) {
    self.pruningRate = pruningRate
  }
}
