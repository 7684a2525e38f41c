internal import SluiceCore
public import SluiceDataflow
public import SluiceFormats

/// How input files are read.
public enum InputMode: String, Sendable, Hashable, CaseIterable {
  /// Through memory-mapped windows that are released behind the reader.
  case mmap
  /// Into buffers; for network mounts, where a fault in a mapping would end the process.
  case pread
}

/// Reads the strips of a queue chunk by chunk, every model's run of the same elements at once: the
/// first node of a lane.
public struct ReadStage: Sendable {
  /// How far a lane reads ahead: one chunk is worked on, one waits, one is being read.
  public static let chunksPerLane = 3

  private let queue: StripQueue
  private let files: [InputFile]
  private let mode: InputMode
  private let granularity: Granularity
  private let dropsCachedPages: Bool

  /// Makes the stage of a pass.
  ///
  /// - Parameters:
  ///   - queue: The strips to read; shared by all lanes.
  ///   - files: The input files, by ordinal.
  ///   - mode: How to read.
  ///   - granularity: The sizes of the run.
  ///   - dropsCachedPages: Whether to take what was read out of the page cache, for inputs that
  ///     do not fit there.
  public init(
    queue: StripQueue, files: [InputFile], mode: InputMode, granularity: Granularity,
    dropsCachedPages: Bool
  ) {
    self.queue = queue
    self.files = files
    self.mode = mode
    self.granularity = granularity
    self.dropsCachedPages = dropsCachedPages
  }

  /// The most bytes that a chunk of a task holds.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - chunkElements: The number of elements in a chunk.
  /// - Returns: The number of bytes, with what alignment adds.
  public static func chunkByteCount(_ task: TensorTask, chunkElements: Int) -> Int {
    let count = min(chunkElements, max(task.elementCount, 1))
    let sources = [task.base] + task.fineTuned.compactMap { $0 }
    return sources.reduce(0) {
      $0 + runByteCount(count * ($1.dtype.byteCount ?? 1))
        + ($1.view == nil ? 0 : InputFile.stridedScratchByteCount)
    }
  }

  // A window begins and ends on a page, a run in a buffer on a cache line.
  private static func runByteCount(_ byteCount: Int) -> Int { byteCount + 8192 }

  /// Reads until the queue is empty.
  ///
  /// - Parameters:
  ///   - context: The node.
  ///   - budget: The lane's share of the run's memory.
  ///   - pool: One buffer for each chunk of the lane, if the mode needs them.
  ///   - channel: Where the chunks go.
  /// - Throws: `FormatError` if a file cannot be read, `CancelledError` if the run was cancelled.
  public func run(
    _ context: NodeContext, budget: ByteBudget, pool: BufferPool?, to channel: BoundedChannel<Chunk>
  ) throws {
    while let strip = queue.take() {
      var start = strip.elements.lowerBound
      repeat {
        let end = min(start + granularity.chunkElements, strip.elements.upperBound)
        let chunk = try read(strip, start..<end, context, budget: budget, pool: pool)
        try context.send(chunk, to: channel)
        start = end
      } while start < strip.elements.upperBound
    }
  }

  private func read(
    _ strip: Strip, _ elements: Range<Int>, _ context: NodeContext, budget: ByteBudget,
    pool: BufferPool?
  ) throws -> Chunk {
    let task = strip.task
    let lease = try context.acquire(
      ReadStage.chunkByteCount(task, chunkElements: elements.count), from: budget)
    let buffer = try pool.map { try context.take(from: $0) }
    var loader = RunLoader(stage: self, context: context, buffer: buffer)
    let base = try loader.load(task.base, elements, available: task.baseElementCount)
    let fineTuned = try task.fineTuned.indices.map { model in
      try task.fineTuned[model].flatMap {
        try loader.load($0, elements, available: task.fineTunedElementCounts[model])
      }
    }
    return Chunk(
      strip: strip, elements: elements, base: base, fineTuned: fineTuned,
      windows: loader.windows, gathered: loader.gathered, buffer: buffer, lease: lease)
  }

  /// Loads the runs of one chunk, one after the other.
  private struct RunLoader {
    let stage: ReadStage
    let context: NodeContext
    let buffer: PooledBuffer?
    var windows: [FileWindow] = []
    var gathered: [GatheredRun] = []
    var used = 0

    init(stage: ReadStage, context: NodeContext, buffer: PooledBuffer?) {
      self.stage = stage
      self.context = context
      self.buffer = buffer
    }

    mutating func load(
      _ source: TensorSource, _ elements: Range<Int>, available: Int
    ) throws -> ChunkRun? {
      let end = min(elements.upperBound, available)
      guard elements.lowerBound < end else { return nil }
      let width = source.dtype.byteCount ?? 1
      if let view = source.view {
        let run = try GatheredRun(
          elements.lowerBound..<end, of: view, source, in: stage.files[source.file])
        unsafe context.count(bytes: run.bytes.count)
        gathered.append(run)
        return unsafe ChunkRun(run.bytes, source.dtype, elementCount: end - elements.lowerBound)
      }
      let start = source.byteRange.lowerBound
      let range = (start + elements.lowerBound * width)..<(start + end * width)
      let file = stage.files[source.file]
      context.count(bytes: range.count)
      if let buffer {
        // SAFETY: the pool's buffers hold a whole chunk with every run rounded up to a cache line.
        let target = unsafe UnsafeMutableRawBufferPointer(
          rebasing: buffer.bytes[used..<(used + range.count)])
        used += (range.count + 63) & ~63
        try unsafe file.read(into: target, at: range.lowerBound)
        return unsafe ChunkRun(
          UnsafeRawBufferPointer(target), source.dtype, elementCount: end - elements.lowerBound)
      }
      let window = try file.map(
        range, populate: true, dropsCachedPages: stage.dropsCachedPages)
      windows.append(window)
      return unsafe ChunkRun(
        window.bytes, source.dtype, elementCount: end - elements.lowerBound)
    }
  }
}
