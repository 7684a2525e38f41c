public import SluiceKernels
internal import Synchronization

/// Which sign most elements of the merged model elect: the difference of two numbers, added up in any
/// order.
public final class SignMajority: Sendable {
  private let difference = Mutex(0)

  /// Makes an empty count.
  public init() {}

  /// How many more elements elect plus than minus.
  public var value: Int { difference.withLock { $0 } }

  func add(_ count: Int) { difference.withLock { $0 += count } }
}

/// A pass that counts the signs that elements elect: what the original TIES (arXiv 2306.01708) looks
/// at where deltas add up to zero.
public final class MajoritySegment: LaneSegment {
  private let majority: SignMajority
  private let delta: DeltaStage
  private let buffers: BlockBuffers
  private let kernels: Kernels
  private let prefix: TransformLanes
  private let modelCount: Int
  private var count = 0

  /// Makes the segment of one lane.
  ///
  /// - Parameters:
  ///   - modelNames: The names of the fine-tuned models.
  ///   - majority: Where the count goes.
  ///   - kernels: The kernels to compute with.
  ///   - prefix: What is done to the deltas before they are merged.
  public init(
    modelNames: [String], majority: SignMajority, kernels: Kernels, prefix: TransformChain = .empty
  ) {
    self.majority = majority
    self.kernels = kernels
    modelCount = modelNames.count
    self.prefix = TransformLanes(prefix, modelCount: modelNames.count, kernels: kernels)
    buffers = BlockBuffers(modelCount: modelNames.count, blockElements: prefix.blockElements)
    delta = DeltaStage(modelNames: modelNames, buffers: buffers, kernels: kernels)
  }

  /// Prepares the transforms.
  ///
  /// - Parameter strip: The strip.
  /// - Throws: What a transform throws.
  public func begin(_ strip: Strip) throws {
    count = 0
    try prefix.begin(strip)
  }

  /// Counts a chunk.
  ///
  /// - Parameter chunk: The chunk.
  /// - Throws: `StageError` if a weight is not finite.
  public func process(_ chunk: Chunk) throws {
    for block in chunk.blocks(of: buffers.blockElements) where chunk.hasBase(block) {
      try delta.widenBase(chunk, block)
      for model in 0..<modelCount {
        try delta.takeDelta(model, chunk, block)
        try unsafe prefix.apply(
          to: buffers.delta(of: model), count: block.count,
          firstElement: chunk.elements.lowerBound + block.lowerBound, model: model)
      }
      count += unsafe kernels.countSigns(
        buffers.deltaRows, modelCount: modelCount, count: block.count)
    }
  }

  /// Keeps the count of a strip.
  ///
  /// - Parameter strip: The strip.
  public func end(_ strip: Strip) { majority.add(count) }
}
