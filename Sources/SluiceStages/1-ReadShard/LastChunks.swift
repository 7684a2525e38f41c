internal import SluiceDataflow

/// What a reader has of the chunks that it passed on last: it is used again where nobody has that any more.
struct LastChunks {
  private typealias Lists = (fineTuned: [ChunkRun?], frames: [PackedRun])

  /// The buffer of the last one.
  var buffer: PooledBuffer?
  /// The lists of as many chunks as there are at one time, and the place of the oldest.
  private var lists: [Lists]
  private var oldest = 0

  /// Makes it for a reader of which there are so many chunks at one time, at least one.
  init(count: Int) { lists = Array(repeating: ([], []), count: count) }

  /// The buffer of the last chunk, or else the next that is free.
  mutating func buffer(orFrom pool: BufferPool, _ context: NodeContext) throws -> PooledBuffer {
    if isKnownUniquelyReferenced(&buffer), let buffer { return buffer }
    // Who waits for a buffer has none.
    buffer = nil
    let next = try context.take(from: pool)
    buffer = next
    return next
  }

  /// The list of the oldest chunk's runs, emptied.
  mutating func takeFineTuned() -> [ChunkRun?] { Self.emptied(&lists[oldest].fineTuned) }

  /// The list of the oldest chunk's frames, emptied.
  mutating func takeFrames() -> [PackedRun] { Self.emptied(&lists[oldest].frames) }

  /// Keeps the lists of a chunk.
  mutating func note(_ fineTuned: [ChunkRun?], _ frames: [PackedRun]) {
    lists[oldest] = (fineTuned, frames)
    oldest = (oldest + 1) % lists.count
  }

  private static func emptied<Element>(_ list: inout [Element]) -> [Element] {
    var taken: [Element] = []
    swap(&taken, &list)
    taken.removeAll(keepingCapacity: true)
    return taken
  }
}
