internal import SluiceDataflow
internal import SluiceFormats
package import SluiceRecipe
internal import SluiceStages

/// The edge between reading and working: how chunks cross it, and why so.
package struct ReadEdge: Sendable, Hashable {
  /// What crosses it.
  static let name = "chunks"
  /// How many chunks wait in the channel of a lane.
  static let queuedChunks = 4

  /// Whether a node of its own reads ahead.
  package private(set) var isQueued: Bool
  /// Why it is crossed so.
  package private(set) var reason: String

  /// What the choice depends on; docs/decisions/0020 has the measurements.
  package struct Facts: Sendable {
    /// Whether chunks are mapped windows.
    package var isMapped = false
    /// Whether a stage is a program of the user's.
    package var hasPrograms = false
    /// Whether elements are gathered that do not lie one after the other.
    package var isStrided = false
    /// Whether the inputs are larger than the page cache can be.
    package var exceedsCache = false
    /// The share of the inputs that lies in the page cache.
    package var cachedShare = 1.0

    package init() {}
  }

  /// Chooses.
  package init(_ option: RunOptions.EdgeOption, _ facts: Facts) {
    switch option {
    case .fused: (isQueued, reason) = (false, "as asked for")
    case .queued: (isQueued, reason) = (true, "as asked for")
    case .auto: (isQueued, reason) = ReadEdge.choice(facts)
    }
  }

  /// Whether a stage of a recipe is a program of the user's.
  static func hasPrograms(_ recipe: MergeRecipe) -> Bool {
    recipe.stages.transforms.contains { $0.transform.stage is ExecTransform }
      || recipe.stages.merging?.stage is ExecOperator
  }

  private static func choice(_ facts: Facts) -> (Bool, String) {
    if facts.exceedsCache {
      return (true, "the inputs exceed the page cache, so that reading waits for the disk")
    }
    if facts.cachedShare < 0.5 {
      return (true, "most of the inputs lies on the disk, so that reading waits for it")
    }
    return (false, "the inputs lie in the page cache; a lane works on what it has just read")
  }

  /// How many chunks there are of a lane: one, or besides those in the channel one that is being read
  /// and one that is worked on.
  var chunksPerLane: Int { isQueued ? ReadEdge.queuedChunks + 2 : 1 }

  /// How it is crossed by chunks of so many bytes.
  func contract(chunkBytes: Int) -> EdgeContract {
    isQueued ? .queued(byteBound: max(1, ReadEdge.queuedChunks * chunkBytes)) : .fused
  }

  /// Has lanes read for themselves after all.
  mutating func fuse(_ reason: String) {
    isQueued = false
    self.reason = reason
  }
}

extension MergePlan {
  /// How chunks come from reading to working.
  var chunkContract: EdgeContract { readEdge.contract(chunkBytes: memory.chunkBytes) }
}

extension [InputFile] {
  /// The share of all bytes that lies in the page cache, by a sample of their pages.
  var cachedShare: Double {
    let byteCount = reduce(0) { $0 + $1.byteCount }
    guard byteCount > 0 else { return 1 }
    let samples = 256
    var share = 0.0
    for file in self {
      let own = Swift.max(1, samples * file.byteCount / byteCount)
      var sum = 0.0
      for sample in 0..<own {
        let start = file.byteCount / own * sample
        sum += file.cachedShare(of: start..<Swift.min(start + 1 << 18, file.byteCount))
      }
      share += sum / Double(own) * Double(file.byteCount) / Double(byteCount)
    }
    return share
  }
}
