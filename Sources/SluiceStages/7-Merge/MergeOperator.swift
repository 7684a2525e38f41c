public import SluiceKernels

/// The deltas of all models for the same elements.
@safe public struct MergeTile {
  /// One buffer of deltas for each model, in the order of the models.
  @unsafe public let deltas: UnsafePointer<UnsafePointer<Float>>
  /// The number of models.
  public let modelCount: Int
  /// The number of elements.
  public let count: Int
  /// The position of the first element in the tensor.
  public let firstElement: Int
  /// Where the merged delta goes.
  @unsafe public let merged: UnsafeMutablePointer<Float>
  /// The base's weights, where the operator makes weights.
  @unsafe package var base: UnsafePointer<Float>?

  /// Describes a tile.
  ///
  /// - Parameters:
  ///   - deltas: One buffer of deltas for each model.
  ///   - modelCount: The number of models.
  ///   - count: The number of elements.
  ///   - merged: Where the merged delta goes.
  ///   - firstElement: The position of the first element in the tensor.
  public init(
    deltas: UnsafePointer<UnsafePointer<Float>>, modelCount: Int, count: Int,
    merged: UnsafeMutablePointer<Float>, firstElement: Int = 0
  ) {
    self.firstElement = firstElement
    unsafe self.deltas = unsafe deltas
    self.modelCount = modelCount
    self.count = count
    unsafe self.merged = unsafe merged
  }
}

/// A rule that makes one delta of several: the place `merge` in the chain.
///
/// Operators that keep nothing from tile to tile are a `TileOperator`.
public protocol MergeOperator: Sendable {
  /// The name in recipes, plans and messages.
  var name: String { get }
  /// What it needs beyond the deltas, in bytes of each lane and in the length of tiles; nothing by
  /// default. It gets no statistics.
  var needs: StageNeeds { get }

  /// Whether it makes the merged weights themselves, and not a delta that is added to the base's.
  var makesWeights: Bool { get }

  /// Makes the part that works in one lane.
  func makeLane(kernels: Kernels) -> any LaneOperator
}

extension MergeOperator {
  /// Nothing.
  public var needs: StageNeeds { StageNeeds() }
  /// No: it makes a delta.
  public var makesWeights: Bool { false }
}

/// The part of an operator that works in one lane: for operators that keep something or may fail.
public protocol LaneOperator: AnyObject {
  /// Prepares for a strip, whose tiles follow in order.
  func begin(_ strip: Strip) throws

  /// Merges the deltas of a tile.
  func merge(_ tile: MergeTile) throws
}

/// A rule that merges tile by tile and keeps nothing: the same deltas of a tensor always become the same.
public protocol TileOperator: MergeOperator {
  /// The operator for one tensor, if tensors are merged differently; itself by default.
  func prepared(for task: TensorTask) -> any TileOperator

  /// Merges the deltas of a tile.
  func merge(_ tile: MergeTile, kernels: Kernels)
}

extension TileOperator {
  /// The operator itself.
  ///
  /// - Parameter task: Any tensor.
  /// - Returns: The operator.
  public func prepared(for task: TensorTask) -> any TileOperator { self }

  /// A part that hands each tile to the operator.
  ///
  /// - Parameter kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(kernels: Kernels) -> any LaneOperator {
    TileLane(rule: self, kernels: kernels)
  }
}

private final class TileLane: LaneOperator {
  private let rule: any TileOperator
  private var prepared: any TileOperator
  private let kernels: Kernels

  init(rule: any TileOperator, kernels: Kernels) {
    self.rule = rule
    prepared = rule
    self.kernels = kernels
  }

  func begin(_ strip: Strip) { prepared = rule.prepared(for: strip.task) }
  func merge(_ tile: MergeTile) { prepared.merge(tile, kernels: kernels) }
}

/// Elects a sign for each element by the sum of the deltas, and averages those that have it.
///
/// Formula: s = sign(sum_i d_i), + for a zero sum; merged = mean of the non-zero d_i with sign s.
/// Source: TIES-Merging (arXiv 2306.01708) section 4, steps 2 and 3, without a further trim: DPPA's
/// eq. 9 shows none. Sums run in Float32 in the order of the models.
public struct TiesOperator: TileOperator {
  /// Makes the operator.
  public init() {}

  /// The name in recipes.
  public var name: String { "ties" }

  /// Merges the deltas of a tile.
  ///
  /// - Parameters:
  ///   - tile: The deltas, and where the merged delta goes.
  ///   - kernels: The kernels to compute with.
  public func merge(_ tile: MergeTile, kernels: Kernels) {
    unsafe kernels.mergeTies(
      tile.deltas, modelCount: tile.modelCount, count: tile.count, into: tile.merged)
  }
}

/// The mean of the deltas.
public struct MeanOperator: TileOperator {
  /// Makes the operator.
  public init() {}

  /// The name in recipes.
  public var name: String { "average" }

  /// Merges the deltas of a tile.
  ///
  /// - Parameters:
  ///   - tile: The deltas, and where the merged delta goes.
  ///   - kernels: The kernels to compute with.
  public func merge(_ tile: MergeTile, kernels: Kernels) {
    unsafe kernels.mergeMean(
      tile.deltas, modelCount: tile.modelCount, count: tile.count, into: tile.merged)
  }
}

/// The sum of the deltas: task arithmetic (arXiv 2212.04089), with weights and scale applied before
/// and after it.
package struct SumOperator: TileOperator {
  /// Makes the operator.
  package init() {}

  /// The name in recipes.
  package var name: String { "sum" }

  /// Merges the deltas of a tile.
  package func merge(_ tile: MergeTile, kernels: Kernels) {
    unsafe kernels.mergeSum(
      tile.deltas, modelCount: tile.modelCount, count: tile.count, into: tile.merged)
  }
}
