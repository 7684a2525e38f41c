/// The stages that a method consists of, from the mask on, with everything they need.
public struct MergeChain: Sendable {
  /// What is done to each model's deltas, in order.
  public let transforms: [any DeltaTransform]
  /// How the deltas of linear layers become one.
  public let linearOperator: any MergeOperator
  /// How the deltas of dense tensors become one.
  public let denseOperator: any MergeOperator
  /// What the merged delta is multiplied by before it is added to the base (lambda of TIES).
  public let mergeScale: Float
  /// How many partitions the transforms tell apart.
  public let partitionCount: Int

  /// Describes a chain.
  ///
  /// - Parameters:
  ///   - transforms: What is done to each model's deltas, in order.
  ///   - linearOperator: How the deltas of linear layers become one.
  ///   - denseOperator: How the deltas of dense tensors become one.
  ///   - mergeScale: What the merged delta is multiplied by.
  ///   - partitionCount: How many partitions the transforms tell apart.
  public init(
    transforms: [any DeltaTransform], linearOperator: any MergeOperator,
    denseOperator: any MergeOperator, mergeScale: Float, partitionCount: Int
  ) {
    self.transforms = transforms
    self.linearOperator = linearOperator
    self.denseOperator = denseOperator
    self.mergeScale = mergeScale
    self.partitionCount = partitionCount
  }
}
