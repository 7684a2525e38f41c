public import SluiceKernels

/// The transforms of one lane for all models: chooses those that apply to a strip, and lets a
/// block of deltas pass through them.
public final class TransformLanes {
  private let lanes: [[(scope: TransformScope, transform: any LaneTransform)]]
  private let partitions: PartitionMasks
  private let active: ActiveTransforms

  /// Makes the parts of one lane.
  ///
  /// - Parameters:
  ///   - chain: The transforms, in order.
  ///   - modelCount: The number of fine-tuned models.
  ///   - kernels: The kernels to compute with.
  public init(_ chain: TransformChain, modelCount: Int, kernels: Kernels) {
    let parts = chain.transforms.map { transform in
      (transform.scope, transform.makeLanes(modelCount: modelCount, kernels: kernels))
    }
    lanes = (0..<modelCount).map { model in parts.map { ($0.0, $0.1[model]) } }
    partitions = PartitionMasks(count: chain.partitionCount, blockElements: chain.blockElements)
    active = ActiveTransforms(modelCount: modelCount, capacity: parts.count)
  }

  /// Chooses and prepares the transforms that apply to a strip.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - isActive: Whether any apply.
  /// - Throws: What a transform throws.
  public func begin(_ strip: Strip, isActive: Bool = true) throws {
    let role = strip.task.role
    let isChanged = isActive && (role == .linear || role == .dense)
    for (model, lane) in lanes.enumerated() {
      active.removeAll(of: model)
      for part in lane where isChanged && (role == .linear || part.scope == .all) {
        try part.transform.begin(strip)
        if !part.transform.changesNothing { active.append(part.transform, of: model) }
      }
    }
  }

  /// Lets a block of a model pass.
  ///
  /// - Parameters:
  ///   - values: The deltas, changed in place.
  ///   - count: How many there are.
  ///   - firstElement: The position of the first in the tensor.
  ///   - model: The position of the fine-tuned model.
  /// - Throws: What a transform throws.
  public func apply(
    to values: UnsafeMutablePointer<Float>, count: Int, firstElement: Int, model: Int
  ) throws {
    guard active.count(of: model) > 0 else { return }
    let block = unsafe DeltaBlock(
      values: values, count: count, firstElement: firstElement, partitions: partitions)
    try active.apply(to: block, model: model)
  }
}

/// The transforms that apply to the strip at hand.
///
/// Kept in memory of its own: calling an element of an array counts references, for each block.
@safe private final class ActiveTransforms {
  private let capacity: Int
  private let modelCount: Int
  private let transforms: UnsafeMutablePointer<any LaneTransform>
  private let counts: AlignedBuffer<Int>

  init(modelCount: Int, capacity: Int) {
    self.capacity = capacity
    self.modelCount = modelCount
    unsafe transforms = .allocate(capacity: max(modelCount * capacity, 1))
    counts = AlignedBuffer(count: max(modelCount, 1), fill: 0)
  }

  deinit {
    for model in 0..<modelCount { removeAll(of: model) }
    unsafe transforms.deallocate()
  }

  func count(of model: Int) -> Int { unsafe counts.pointer[model] }

  func removeAll(of model: Int) {
    // SAFETY: the first `count` places of a model are initialised, and no others.
    unsafe (transforms + model * capacity).deinitialize(count: counts.pointer[model])
    unsafe counts.pointer[model] = 0
  }

  func append(_ transform: any LaneTransform, of model: Int) {
    precondition(count(of: model) < capacity)
    // SAFETY: as above, and there is room.
    unsafe (transforms + model * capacity + counts.pointer[model]).initialize(to: transform)
    unsafe counts.pointer[model] += 1
  }

  func apply(to block: DeltaBlock, model: Int) throws {
    for place in 0..<count(of: model) {
      // SAFETY: as above; nothing changes the list while a block passes.
      try unsafe transforms[model * capacity + place].apply(to: block)
    }
  }
}

/// Transforms in order, with what they need.
public struct TransformChain: Sendable {
  /// The transforms, in order.
  public let transforms: [any DeltaTransform]
  /// How many partitions they tell apart.
  public let partitionCount: Int
  /// Whether blocks are longer: as long as a grain.
  public let usesGrains: Bool
  /// The most elements in a block: a grain if one of the transforms wants it.
  public let blockElements: Int

  /// The chain that changes nothing.
  public static let empty = TransformChain([], partitionCount: 1)

  /// Describes a chain.
  ///
  /// - Parameters:
  ///   - transforms: The transforms, in order.
  ///   - partitionCount: How many partitions they tell apart.
  ///   - usesGrains: Whether longer blocks are wanted whatever the transforms want.
  public init(
    _ transforms: [any DeltaTransform], partitionCount: Int, usesGrains: Bool = false
  ) {
    self.transforms = transforms
    self.partitionCount = partitionCount
    self.usesGrains = usesGrains || transforms.contains { $0.needs.usesGrains }
    blockElements = self.usesGrains ? Granularity.grainElements : Granularity.blockElements
  }

  /// Whether nothing is changed.
  public var isEmpty: Bool { transforms.isEmpty }
}

/// A transform together with the statistics that it asked for.
public struct InformedTransform: DeltaTransform {
  private let transform: any DeltaTransform
  private let statistics: [[Int: [Double]]]

  /// Gives a transform its statistics.
  ///
  /// - Parameters:
  ///   - transform: The transform.
  ///   - statistics: For each model, the values for each tensor by the ordinal of its task.
  public init(_ transform: any DeltaTransform, statistics: [[Int: [Double]]]) {
    self.transform = transform
    self.statistics = statistics
  }

  /// The transform's name.
  public var name: String { transform.name }
  /// The transform's scope.
  public var scope: TransformScope { transform.scope }
  /// The transform's needs.
  public var needs: StageNeeds { transform.needs }

  /// Makes the part that works in one lane on one model.
  ///
  /// - Parameters:
  ///   - model: The position of the fine-tuned model.
  ///   - kernels: The kernels to compute with.
  /// - Returns: The part.
  public func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(transform.makeLane(model: model, kernels: kernels), statistics[model])
  }

  /// Makes the parts of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - kernels: The kernels to compute with.
  /// - Returns: One part for each model.
  public func makeLanes(modelCount: Int, kernels: Kernels) -> [any LaneTransform] {
    transform.makeLanes(modelCount: modelCount, kernels: kernels).enumerated().map {
      Lane($1, statistics[$0])
    }
  }

  private final class Lane: LaneTransform {
    private let lane: any LaneTransform
    private let statistics: [Int: [Double]]

    init(_ lane: any LaneTransform, _ statistics: [Int: [Double]]) {
      self.lane = lane
      self.statistics = statistics
    }

    func begin(_ strip: Strip) throws {
      try lane.begin(strip, statistics: statistics[strip.task.ordinal] ?? [])
    }

    var changesNothing: Bool { lane.changesNothing }

    func apply(to block: DeltaBlock) throws { try lane.apply(to: block) }
  }
}
