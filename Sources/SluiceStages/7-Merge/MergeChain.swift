/// How the deltas of one kind of tensor become one.
package struct MergeStep: Sendable {
  /// The rule.
  package var rule: any MergeOperator
  /// Whether transforms of that scope act on the deltas first.
  package let hasTransforms: Bool
  /// What the merged delta is multiplied by before it is added to the base (lambda of TIES).
  package let mergeScale: Float

  /// Describes a step.
  package init(_ rule: any MergeOperator, hasTransforms: Bool = true, mergeScale: Float = 1) {
    self.rule = rule
    self.hasTransforms = hasTransforms
    self.mergeScale = mergeScale
  }
}

/// The stages that a method consists of, from the mask on, with everything they need.
package struct MergeChain: Sendable {
  /// What is done to each model's deltas, in order.
  package var transforms: [any DeltaTransform]
  /// How the deltas of linear layers become one.
  package var linear: MergeStep
  /// How the deltas of dense tensors become one.
  package var dense: MergeStep
  /// How the deltas of tensors become one that are averaged, whatever the method.
  package let averaged = MergeStep(MeanOperator(), hasTransforms: false)
  /// How many partitions the transforms tell apart.
  package let partitionCount: Int
  /// What the transforms, or the operators, find in a tile.
  package let form: TileForm

  /// Describes a chain.
  package init(
    transforms: [any DeltaTransform], linear: MergeStep, dense: MergeStep, partitionCount: Int,
    form: TileForm = .differences
  ) {
    self.form = form
    self.transforms = transforms
    self.linear = linear
    self.dense = dense
    self.partitionCount = partitionCount
  }

  /// The step for tensors of a role.
  package func step(for role: TensorRole) -> MergeStep {
    switch role {
    case .linear: linear
    case .averaged: averaged
    default: dense
    }
  }

  /// The transforms with what they need; an operator that wants grains lengthens their tiles too.
  package var transformChain: TransformChain {
    TransformChain(
      transforms, partitionCount: partitionCount,
      usesGrains: linear.rule.needs.usesGrains || dense.rule.needs.usesGrains, form: form)
  }
}
