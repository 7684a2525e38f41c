package import SluiceKernels
internal import Synchronization

/// Which sign most elements of the merged model elect: the difference of two numbers, added up in any
/// order.
package final class SignMajority: Sendable {
  private let difference = Mutex(0)

  /// Makes an empty count.
  package init() {}

  /// How many more elements elect plus than minus.
  package var value: Int { difference.withLock { $0 } }

  func add(_ count: Int) { difference.withLock { $0 += count } }
}

/// A pass that counts the signs that elements elect: what the original TIES (arXiv 2306.01708) looks
/// at where deltas add up to zero.
package final class MajoritySegment: LaneSegment {
  private let majority: SignMajority
  private let delta: DeltaStage
  private let buffers: TileBuffers
  private let kernels: Kernels
  private let prefix: TransformLanes
  private let modelCount: Int
  private var count = 0

  /// Makes the segment of one lane.
  package init(
    modelNames: [String], majority: SignMajority, kernels: Kernels, prefix: TransformChain = .empty
  ) {
    self.majority = majority
    self.kernels = kernels
    modelCount = modelNames.count
    self.prefix = TransformLanes(prefix, modelCount: modelNames.count, kernels: kernels)
    buffers = TileBuffers(modelCount: modelNames.count, tileElements: prefix.tileElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
  }

  /// Prepares the transforms.
  package func begin(_ strip: Strip) throws {
    count = 0
    try prefix.begin(strip)
  }

  /// Counts a chunk.
  package func process(_ chunk: Chunk) throws {
    for tile in chunk.tiles(of: buffers.tileElements) where chunk.hasBase(tile) {
      try delta.widenBase(chunk, tile)
      for model in 0..<modelCount {
        try delta.takeDelta(model, chunk, tile)
        try unsafe prefix.apply(
          to: buffers.delta(of: model), count: tile.count,
          firstElement: chunk.elements.lowerBound + tile.lowerBound, model: model)
      }
      count += unsafe kernels.countSigns(
        buffers.deltaRows, modelCount: modelCount, count: tile.count)
    }
  }

  /// Keeps the count of a strip.
  package func end(_ strip: Strip) { majority.add(count) }
}
