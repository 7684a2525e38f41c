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

  /// Adds the difference of a strip.
  package func add(_ count: Int) { difference.withLock { $0 += count } }
}

/// Counts the signs that elements elect: what the original TIES (arXiv 2306.01708) looks at where deltas
/// add up to zero.
package final class MajoritySink: TileSink {
  private let didCount: (Strip, Int) -> Void
  private let kernels: Kernels
  private let modelCount: Int
  private var count = 0

  /// Makes the sink of one lane.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - kernels: The kernels to count with.
  ///   - didCount: Takes the difference of each strip.
  package init(modelCount: Int, kernels: Kernels, didCount: @escaping (Strip, Int) -> Void) {
    self.didCount = didCount
    self.kernels = kernels
    self.modelCount = modelCount
  }

  /// All models together.
  package var order: DeltaOrder { .tileByTile }

  /// Begins to count.
  package func begin(_ strip: Strip) -> StripRequest {
    count = 0
    return StripRequest(models: Array(0..<modelCount))
  }

  /// Counts a tile.
  package func take(_ tile: Range<Int>, of chunk: Chunk, _ buffers: TileBuffers) {
    count += unsafe kernels.countSigns(
      buffers.deltaRows, modelCount: modelCount, count: tile.count)
  }

  /// Gives the count of a strip.
  package func end(_ strip: Strip) { didCount(strip, count) }
}
