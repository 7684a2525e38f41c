public import SluiceKernels

/// Which tensors a transform changes.
public enum TransformScope: String, Sendable, Hashable, CaseIterable {
  /// Linear layers only.
  case linear
  /// Linear layers and dense tensors.
  case all
}

/// What a stage needs beyond the elements that it is given, for the planner to provide.
public struct StageNeeds: Sendable {
  /// Statistics of the whole tensor, as the stage finds it: each costs nothing but the pass that
  /// counts them together.
  public var statistics: [any TensorStatistic]
  /// The bytes that the stage holds in each lane for each model.
  public var laneByteCount: Int
  /// Whether the stage takes the longer tiles of `Granularity.grainElements`, as what has a cost
  /// for each call wants them.
  public var usesGrains: Bool
  /// Whether the same input always gives the same output.
  ///
  /// A stage for which it does not hold is refused: the bytes of a merge depend on nothing but
  /// inputs and recipe.
  public var isDeterministic: Bool

  /// States what a stage needs; a stage that works on each element by itself needs nothing.
  ///
  /// - Parameters:
  ///   - statistics: Statistics of the whole tensor.
  ///   - laneByteCount: The bytes that the stage holds in each lane for each model.
  ///   - usesGrains: Whether the stage takes longer tiles.
  ///   - isDeterministic: Whether the same input always gives the same output.
  public init(
    statistics: [any TensorStatistic] = [], laneByteCount: Int = 0, usesGrains: Bool = false,
    isDeterministic: Bool = true
  ) {
    self.statistics = statistics
    self.laneByteCount = laneByteCount
    self.usesGrains = usesGrains
    self.isDeterministic = isDeterministic
  }
}

/// A stage that changes the deltas of one model: the places `mask` and `amplify` in the chain, and
/// any place between `delta` and `merge` for stages of one's own.
///
/// The stage is shared by all lanes; what changes while a strip is worked through lives in the
/// `LaneTransform` that it makes for each lane and model. What it does to an element may depend on
/// the tensor, the element's position, its value and the statistics that it asked for, and on nothing
/// else: not on which elements come in one tile.
public protocol DeltaTransform: Sendable {
  /// The name in recipes, plans and messages.
  var name: String { get }
  /// Which tensors it changes.
  var scope: TransformScope { get }
  /// What it needs beyond the elements; nothing by default.
  var needs: StageNeeds { get }

  /// Makes the part that works in one lane on one model.
  func makeLane(model: Int, kernels: Kernels) -> any LaneTransform

  /// Makes the parts of one lane for all models; by default one after the other. For stages that
  /// keep something for the lane as a whole.
  func makeLanes(modelCount: Int, kernels: Kernels) -> [any LaneTransform]
}

extension DeltaTransform {
  /// Nothing.
  public var needs: StageNeeds { StageNeeds() }

  /// One part after the other.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - kernels: The kernels to compute with.
  /// - Returns: One part for each model.
  public func makeLanes(modelCount: Int, kernels: Kernels) -> [any LaneTransform] {
    (0..<modelCount).map { makeLane(model: $0, kernels: kernels) }
  }
}

/// The part of a transform that works in one lane on one model.
public protocol LaneTransform: AnyObject {
  /// Prepares for a strip, whose tiles follow in order.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - statistics: The values of its tensor that the stage asked for, in the order of its needs.
  /// - Throws: What keeps the strip from being worked on.
  func begin(_ strip: Strip, statistics: [Double]) throws

  /// Whether the tiles of the strip that was begun would pass unchanged; they then pass it by.
  var changesNothing: Bool { get }

  /// Changes the deltas of the next tile.
  func apply(to tile: DeltaTile) throws
}

extension LaneTransform {
  /// False.
  public var changesNothing: Bool { false }
}
