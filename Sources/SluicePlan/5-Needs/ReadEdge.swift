package import SluiceDataflow
package import SluiceRecipe
package import SluiceStages

/// The edge between reading and working: how chunks cross it, and why so.
package struct ReadEdge: Sendable, Hashable {
  /// What crosses it.
  package static let name = "chunks"

  /// Whether a node of its own reads ahead.
  package private(set) var isQueued: Bool
  /// Why it is crossed so.
  package private(set) var reason: String
  /// How many chunks wait in the channel of a lane: the longer they are, the fewer.
  private let waitingChunks: Int

  /// Chooses.
  ///
  /// - Parameters:
  ///   - option: What is asked for.
  ///   - input: How files are read.
  ///   - exceedsCache: Whether the inputs are larger than the page cache can be.
  package init(_ option: RunOptions.EdgeOption, input: InputMode, exceedsCache: Bool) {
    waitingChunks = input == .direct ? 1 : 4
    switch option {
    case .fused: (isQueued, reason) = (false, "as asked for")
    case .queued: (isQueued, reason) = (true, "as asked for")
    case .auto where input == .direct:
      isQueued = true
      reason = "nobody else reads ahead around the page cache"
    case .auto where exceedsCache:
      isQueued = true
      reason = "the inputs exceed the page cache, so every pass waits for the disk"
    case .auto:
      isQueued = false
      reason = "the inputs fit into the page cache; a lane works on what it has just read"
    }
  }

  /// How many chunks there are of a lane: one, or besides those in the channel one that is being read
  /// and one that is worked on.
  package var chunksPerLane: Int { isQueued ? waitingChunks + 2 : 1 }

  /// How it is crossed by chunks of so many bytes.
  ///
  /// - Parameter chunkBytes: The most bytes of a chunk.
  /// - Returns: The contract.
  package func contract(chunkBytes: Int) -> EdgeContract {
    isQueued ? .queued(byteBound: max(1, waitingChunks * chunkBytes)) : .fused
  }

  /// Has lanes read for themselves after all.
  mutating func fuse(_ reason: String) {
    isQueued = false
    self.reason = reason
  }
}
