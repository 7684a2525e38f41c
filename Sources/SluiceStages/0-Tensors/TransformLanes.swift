package import SluiceKernels

/// The transforms of one lane for all models: chooses those that apply to a strip, and lets a
/// tile of deltas pass through them.
package final class TransformLanes {
  private let lanes: [[(scope: TransformScope, place: ActiveTransforms.Place)]]
  private let partitions: PartitionMasks
  private let active: ActiveTransforms

  /// Makes the parts of one lane.
  package init(_ chain: TransformChain, modelCount: Int, kernels: Kernels) {
    let parts = chain.transforms.map { transform in
      (transform.scope, transform.makeLanes(modelCount: modelCount, kernels: kernels))
    }
    lanes = (0..<modelCount).map { model in
      parts.map { ($0.0, ActiveTransforms.Place($0.1[model])) }
    }
    partitions = PartitionMasks(count: chain.partitionCount, tileElements: chain.tileElements)
    active = ActiveTransforms(modelCount: modelCount, capacity: parts.count)
  }

  /// Chooses and prepares the transforms that apply to a strip.
  package func begin(_ strip: Strip, isActive: Bool = true) throws {
    let role = strip.task.role
    let isChanged = isActive && (role == .linear || role == .dense)
    for (model, lane) in lanes.enumerated() {
      active.removeAll(of: model)
      for part in lane where isChanged && (role == .linear || part.scope == .all) {
        try part.place.transform.begin(strip, statistics: [])
        if !part.place.transform.changesNothing { active.append(part.place, of: model) }
      }
    }
  }

  /// Lets a tile of a model pass.
  package func apply(
    to values: UnsafeMutablePointer<Float>, count: Int, firstElement: Int, model: Int
  ) throws {
    guard active.count(of: model) > 0 else { return }
    let tile = unsafe DeltaTile(
      values: values, count: count, firstElement: firstElement, partitions: partitions)
    try active.apply(to: tile, model: model)
  }
}

/// The transforms of a lane that apply to the strip at hand.
///
/// A tile goes through them by calls that count no references: counting takes as long as the shorter kernels.
@safe private final class ActiveTransforms {
  /// Where a transform of the lane lies.
  final class Place {
    let transform: any LaneTransform
    init(_ transform: any LaneTransform) { self.transform = transform }
  }

  private let capacity: Int
  /// The lane has them as long as it lasts: here they are not retained.
  private let places: UnsafeMutablePointer<Unmanaged<Place>>
  private let counts: AlignedBuffer<Int>

  init(modelCount: Int, capacity: Int) {
    self.capacity = capacity
    unsafe places = .allocate(capacity: max(modelCount * capacity, 1))
    counts = AlignedBuffer(count: max(modelCount, 1), fill: 0)
  }

  deinit { unsafe places.deallocate() }

  func count(of model: Int) -> Int { unsafe counts.pointer[model] }

  func removeAll(of model: Int) { unsafe counts.pointer[model] = 0 }

  func append(_ place: Place, of model: Int) {
    precondition(count(of: model) < capacity)
    // SAFETY: the first `count` places of a model are initialised, and no others; there is room.
    unsafe (places + model * capacity + counts.pointer[model]).initialize(
      to: .passUnretained(place))
    unsafe counts.pointer[model] += 1
  }

  func apply(to tile: DeltaTile, model: Int) throws {
    for index in 0..<count(of: model) {
      // SAFETY: as above; nothing changes the list while a tile passes.
      try unsafe places[model * capacity + index]._withUnsafeGuaranteedRef { place in
        try place.transform.apply(to: tile)
      }
    }
  }
}

/// Transforms in order, with what they need.
package struct TransformChain: Sendable {
  /// The transforms, in order.
  package let transforms: [any DeltaTransform]
  /// How many partitions they tell apart.
  package let partitionCount: Int
  /// Whether tiles are longer: as long as a grain.
  package let usesGrains: Bool
  /// The most elements in a tile: a grain if one of the transforms wants it.
  package let tileElements: Int

  /// What the transforms find in a tile.
  package let form: TileForm

  /// The chain that changes nothing.
  package static let empty = TransformChain([], partitionCount: 1)

  /// Describes a chain.
  package init(
    _ transforms: [any DeltaTransform], partitionCount: Int, usesGrains: Bool = false,
    form: TileForm = .differences
  ) {
    self.transforms = transforms
    self.form = form
    self.partitionCount = partitionCount
    self.usesGrains = usesGrains || transforms.contains { $0.needs.usesGrains }
    tileElements = self.usesGrains ? Granularity.grainElements : Granularity.tileElements
  }

  /// Whether nothing is changed.
  package var isEmpty: Bool { transforms.isEmpty }
}

/// A transform together with the statistics that it asked for.
package struct TransformWithStatistics: DeltaTransform {
  private let transform: any DeltaTransform
  private let statistics: [[Int: [Double]]]

  /// Gives a transform its statistics.
  ///
  /// - Parameters:
  ///   - transform: The transform.
  ///   - statistics: For each model, the values for each tensor by the ordinal of its task.
  package init(_ transform: any DeltaTransform, statistics: [[Int: [Double]]]) {
    self.transform = transform
    self.statistics = statistics
  }

  /// The transform's name.
  package var name: String { transform.name }
  /// The transform's scope.
  package var scope: TransformScope { transform.scope }
  /// The transform's needs.
  package var needs: StageNeeds { transform.needs }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(transform.makeLane(model: model, kernels: kernels), statistics[model])
  }

  /// Makes the parts of one lane.
  package func makeLanes(modelCount: Int, kernels: Kernels) -> [any LaneTransform] {
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

    func begin(_ strip: Strip, statistics _: [Double]) throws {
      try lane.begin(strip, statistics: statistics[strip.task.ordinal] ?? [])
    }

    var changesNothing: Bool { lane.changesNothing }

    func apply(to tile: DeltaTile) throws { try lane.apply(to: tile) }
  }
}
