/// How the deltas of one kind of tensor become one.
public struct MergeStep: Sendable {
  /// The rule.
  public var rule: any MergeOperator
  /// Whether transforms of that scope act on the deltas first.
  public let hasTransforms: Bool
  /// What the merged delta is multiplied by before it is added to the base (lambda of TIES).
  public let mergeScale: Float

  /// Describes a step.
  ///
  /// - Parameters:
  ///   - rule: The rule.
  ///   - hasTransforms: Whether transforms of that scope act on the deltas first.
  ///   - mergeScale: What the merged delta is multiplied by.
  public init(_ rule: any MergeOperator, hasTransforms: Bool = true, mergeScale: Float = 1) {
    self.rule = rule
    self.hasTransforms = hasTransforms
    self.mergeScale = mergeScale
  }
}

/// The stages that a method consists of, from the mask on, with everything they need.
public struct MergeChain: Sendable {
  /// What is done to each model's deltas, in order.
  public var transforms: [any DeltaTransform]
  /// How the deltas of linear layers become one.
  public var linear: MergeStep
  /// How the deltas of dense tensors become one.
  public var dense: MergeStep
  /// How many partitions the transforms tell apart.
  public let partitionCount: Int

  /// Describes a chain.
  ///
  /// - Parameters:
  ///   - transforms: What is done to each model's deltas, in order.
  ///   - linear: How the deltas of linear layers become one.
  ///   - dense: How the deltas of dense tensors become one.
  ///   - partitionCount: How many partitions the transforms tell apart.
  public init(
    transforms: [any DeltaTransform], linear: MergeStep, dense: MergeStep, partitionCount: Int
  ) {
    self.transforms = transforms
    self.linear = linear
    self.dense = dense
    self.partitionCount = partitionCount
  }

  /// The step for tensors of a role.
  ///
  /// - Parameter role: Linear or dense.
  /// - Returns: The step.
  public func step(for role: TensorRole) -> MergeStep { role == .linear ? linear : dense }

  /// The transforms with what they need; an operator that wants grains lengthens their blocks too.
  public var transformChain: TransformChain {
    TransformChain(
      transforms, partitionCount: partitionCount,
      usesGrains: linear.rule.usesGrains || dense.rule.usesGrains)
  }
}
