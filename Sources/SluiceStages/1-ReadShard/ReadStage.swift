internal import SluiceCore
package import SluiceDataflow
package import SluiceFormats
package import SluiceKernels

/// How input files are read.
package enum InputMode: String, Sendable, Hashable, CaseIterable {
  /// Into buffers that stay in the processor's cache.
  case pread
  /// Through memory-mapped windows that are released after the lane.
  case mmap
  /// Around the page cache, in long pieces; what is short or does not lie in one piece as `pread` does.
  case direct
}

/// Reads the strips of a queue chunk by chunk, every model's run of the same elements at once: the
/// first stage of a lane.
///
/// It passes each chunk on by a call, and does not know how the edge after it is crossed.
package struct ReadStage: Sendable {
  private let queue: StripQueue
  let files: [InputFile]
  let mode: InputMode
  let granularity: Granularity
  let dropsCachedPages: Bool
  let packed: PackedReading
  /// Whether chunks are read into buffers rather than mapped.
  package let usesBuffers: Bool
  let deltas: (source: any DeltaSource, kernels: Kernels)?

  /// Which strips are read from frames.
  package enum PackedReading: Sendable {
    /// None: files are read.
    case none
    /// Those that a source has; they need buffers in both modes.
    case unpacked(any PackedSource, Kernels)
    /// None, and models of these positions are left out: the pass knows all it wants of them.
    case leftOut(Set<Int>)
  }

  /// Makes the stage of a pass.
  ///
  /// - Parameters:
  ///   - queue: The strips to read; shared by all lanes.
  ///   - files: The input files, by ordinal.
  ///   - mode: How to read.
  ///   - granularity: The sizes of the run.
  ///   - dropsCachedPages: Whether to take what was read out of the page cache, for inputs that
  ///     do not fit there.
  ///   - packed: Which strips are read from frames.
  ///   - deltas: What computes deltas, where some are not read; then there are buffers in both modes.
  package init(
    queue: StripQueue, files: [InputFile], mode: InputMode, granularity: Granularity,
    dropsCachedPages: Bool, packed: PackedReading = .none,
    deltas: (source: any DeltaSource, kernels: Kernels)? = nil
  ) {
    self.queue = queue
    self.files = files
    self.mode = mode
    self.granularity = granularity
    self.dropsCachedPages = dropsCachedPages
    self.packed = packed
    self.deltas = deltas
    // What does not lie there in one piece, or is computed, cannot be mapped, and a mapping beside a
    // buffer would be memory twice.
    usesBuffers = mode != .mmap || packed.needsBuffers || queue.hasStridedSources
  }

  /// The most bytes that a chunk of a task holds.
  ///
  /// - Parameters:
  ///   - task: The task.
  ///   - chunkElements: The number of elements in a chunk.
  /// - Returns: The number of bytes, with what alignment adds.
  package static func chunkByteCount(_ task: TensorTask, chunkElements: Int) -> Int {
    byteCount(of: min(chunkElements, max(task.elementCount, 1)), like: task)
  }

  /// The most bytes that are read at once of neighbours that are as a task is.
  ///
  /// - Parameters:
  ///   - count: How many elements they have together.
  ///   - task: The task.
  /// - Returns: The number of bytes, with what alignment adds.
  package static func byteCount(of count: Int, like task: TensorTask) -> Int {
    task.fineTuned.reduce(runsByteCount(task.base, count, base: task.base.dtype)) {
      $0 + ($1.map { runsByteCount($0, count, base: task.base.dtype) } ?? 0)
    }
  }

  /// The most bytes that a chunk holds of a model.
  private static func runsByteCount(_ source: TensorSource, _ count: Int, base: DType) -> Int {
    // Read from frames, what differs from the base in its type comes as F32.
    let width = source.dtype == base ? 1 : 4
    let computed = source.computed == nil ? 0 : runByteCount(count * 4)
    guard source.isStored else { return computed }
    return computed + runByteCount(count * max(source.dtype.byteCount ?? 1, width))
      + (source.isPlain ? 0 : InputFile.stridedScratchByteCount)
      + (source.matched.map { NumberReader.scratchByteCount + $0.heldByteCount } ?? 0)
  }

  /// The room for the frames of a chunk that are read around the page cache.
  ///
  /// It is more than light fine-tunes take; of what finds none, a lane reads one frame after the other.
  ///
  /// - Parameters:
  ///   - modelCount: The number of fine-tuned models.
  ///   - chunkElements: The number of elements in a chunk.
  /// - Returns: The number of bytes.
  package static func framesByteCount(modelCount: Int, chunkElements: Int) -> Int {
    modelCount * (chunkElements / 4 * 3 + InputFile.directSlack + InputFile.directAlignment)
  }

  /// The bytes that a lane holds for reading frames.
  ///
  /// - Parameter modelCount: The number of fine-tuned models.
  /// - Returns: The number of bytes.
  package static func packedByteCount(modelCount: Int) -> Int { modelCount * FrameCursor.byteCount }

  // A window begins and ends on a page, a run in a buffer on a cache line, or on a page if it was read
  // together with all of its pages.
  private static func runByteCount(_ byteCount: Int) -> Int {
    byteCount + InputFile.directSlack + InputFile.directAlignment
  }

  /// Reads until the queue is empty.
  ///
  /// - Parameters:
  ///   - context: The node.
  ///   - pool: Buffers for chunks; nil if none are used.
  ///   - pass: Passes each chunk on, before the next is read.
  /// - Throws: `FormatError` if a file cannot be read, `CancelledError` if the run was cancelled,
  ///   and what the call throws.
  package func run(
    _ context: NodeContext, pool: BufferPool?, pass: (consuming Chunk) throws -> Void
  ) throws {
    var cursors: [FrameCursor?] = []
    var unpacked: [Origin] = []
    var last = LastChunks(count: pool.map { $0.bufferCount + 1 } ?? 1)
    let computed = deltas.map { ComputedRuns($0.source, kernels: $0.kernels) }
    let sharedPool = readsSegments ? pool : nil
    let direct = mode == .direct && pool != nil ? DirectReads() : nil
    while true {
      let run = try context.measure(.blockedOnInput) { try queue.take() }
      guard let first = run.first else { return }
      var loader = RunLoader(stage: self, first, context, direct)
      var segment: RunSegment?
      for (position, strip) in run.enumerated() {
        if let sharedPool, segment?.positions.contains(position) != true {
          // Its buffer may be the only one, and so may the last chunk's.
          segment = nil
          if run.count > 1 { last.buffer = nil }
          segment = try RunSegment.read(run, from: position, self, sharedPool, context)
        }
        let frames = try prepare(strip, &cursors, &unpacked)
        var start = strip.elements.lowerBound
        repeat {
          let end = min(start + granularity.chunkElements, strip.elements.upperBound)
          try context.cancellation.check()
          try pass(
            try read(
              strip, start..<end, frames, computed, segment, with: &loader, pool: pool, &last))
          start = end
        } while start < strip.elements.upperBound
      }
    }
  }

  /// Where each model's elements of a strip come from.
  enum Origin {
    /// Frames, and what unpacks those of a model.
    struct Frames {
      let cursor: FrameCursor
      let packed: PackedStrip
    }

    case file
    case frames(Frames)
    case nowhere
  }

  private func prepare(
    _ strip: Strip, _ cursors: inout [FrameCursor?], _ unpacked: inout [Origin]
  ) throws -> [Origin] {
    let models = strip.task.fineTuned.indices
    switch packed {
    case .none, .leftOut:
      // The same for all strips.
      if unpacked.count != models.count {
        unpacked = models.map { packed.leavesOut($0) ? .nowhere : .file }
      }
      return unpacked
    case .unpacked(let source, let kernels):
      if cursors.isEmpty { cursors = models.map { _ in nil } }
      return try models.map { model in
        guard strip.task.fineTuned[model] != nil,
          let packed = try source.packed(strip, model: model)
        else { return .file }
        let cursor = cursors[model] ?? FrameCursor(kernels: kernels)
        cursors[model] = cursor
        return .frames(Origin.Frames(cursor: cursor, packed: packed))
      }
    }
  }

  private func read(
    _ strip: Strip, _ elements: Range<Int>, _ origins: [Origin], _ computed: ComputedRuns?,
    _ segment: RunSegment?, with loader: inout RunLoader, pool: BufferPool?,
    _ last: inout LastChunks
  ) throws -> Chunk {
    let task = strip.task
    let buffer = try segment?.buffer ?? pool.map { try last.buffer(orFrom: $0, loader.context) }
    loader.begin(strip, segment, buffer: buffer, frames: last.takeFrames())
    defer { loader.end() }
    if let direct = loader.direct, let buffer {
      try loader.readDirectly(direct, into: buffer, origins, elements)
    } else if packed.needsBuffers {
      loader.askForFrames(origins, elements)
    }
    let base = try loader.load(task.base, elements, available: task.baseElementCount)
    var fineTuned = last.takeFineTuned()
    for model in task.fineTuned.indices {
      fineTuned.append(
        try loader.load(model, from: origins[model], elements, computed, base: base))
    }
    last.note(fineTuned, loader.frames)
    return Chunk(
      strip: strip, elements: elements, base: base, fineTuned: fineTuned,
      readByteCount: loader.readByteCount,
      windows: loader.windows, frames: loader.frames, buffer: buffer)
  }
}

extension ReadStage.PackedReading {
  /// Whether a model is left out.
  fileprivate func leavesOut(_ model: Int) -> Bool {
    if case .leftOut(let known) = self { known.contains(model) } else { false }
  }

  /// Whether chunks need buffers whatever the mode is.
  package var needsBuffers: Bool {
    if case .unpacked = self { true } else { false }
  }
}
