public import SluiceKernels

/// The transforms of one lane: what happens to each model's deltas between the difference and the
/// merge, or whatever looks at them in between.
@safe public final class TransformLane {
  private let lanes: [[(scope: TransformScope, transform: any LaneTransform)]]
  private let partitions: PartitionMasks
  private var active: [[any LaneTransform]]

  /// Makes the transforms of a lane.
  ///
  /// - Parameters:
  ///   - transforms: What is done to each model's deltas, in order.
  ///   - modelCount: The number of fine-tuned models.
  ///   - partitionCount: How many partitions the transforms tell apart.
  ///   - kernels: The kernels to compute with.
  public init(
    _ transforms: [any DeltaTransform], modelCount: Int, partitionCount: Int, kernels: Kernels
  ) {
    lanes = (0..<modelCount).map { model in
      transforms.map { ($0.scope, $0.makeLane(model: model, kernels: kernels)) }
    }
    partitions = PartitionMasks(count: max(1, partitionCount))
    active = Array(repeating: [], count: modelCount)
  }

  /// Chooses and prepares the transforms that apply to a strip.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - isTransformed: Whether tensors of its role are transformed at all.
  /// - Throws: What a transform throws.
  public func begin(_ strip: Strip, isTransformed: Bool = true) throws {
    let role = strip.task.role
    active = lanes.map { lane in
      guard isTransformed else { return [] }
      return lane.compactMap { role == .linear || $0.scope == .all ? $0.transform : nil }
    }
    for transform in active.joined() { try transform.begin(strip) }
  }

  /// Transforms the deltas of a block.
  ///
  /// - Parameters:
  ///   - values: The deltas.
  ///   - count: How many.
  ///   - model: The position of their model.
  ///   - firstElement: The position of the first in the tensor.
  public func apply(
    to values: UnsafeMutablePointer<Float>, count: Int, model: Int, firstElement: Int
  ) {
    guard !active[model].isEmpty else { return }
    let block = unsafe DeltaBlock(
      values: values, count: count, firstElement: firstElement, partitions: partitions)
    for transform in active[model] { transform.apply(to: block) }
  }
}
