internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceKernels

extension ReadStage {
  /// Loads the runs of a chunk, one after the other, and those of the next.
  struct RunLoader {
    /// Pages are dropped in runs of so many bytes: in small ones it takes longer than reading.
    static let droppedByteCount = 8 << 20
    /// Where the system reads nothing ahead, it is asked for the next run of so many bytes as soon as the one
    /// before is begun.
    static let askedByteCount = 1 << 20

    let stage: ReadStage
    let context: NodeContext
    /// What is read around the page cache; nil if nothing is.
    let direct: DirectReads?
    private(set) var strip: Strip
    private(set) var buffer: PooledBuffer?
    private(set) var windows: [FileWindow] = []
    private(set) var frames: [PackedRun] = []
    /// The frames of the chunk that are in its buffer.
    var ahead = FramesAhead()
    var used = 0
    var readByteCount = 0
    /// What was read of the strip already, together with its neighbours.
    private var segment: RunSegment?

    init(stage: ReadStage, _ first: Strip, _ context: NodeContext, _ direct: DirectReads?) {
      self.stage = stage
      strip = first
      self.context = context
      self.direct = direct
    }

    /// Begins with a chunk of a strip.
    mutating func begin(
      _ strip: Strip, _ segment: RunSegment?, buffer: PooledBuffer?, frames: [PackedRun]
    ) {
      self.strip = strip
      self.segment = segment
      self.buffer = buffer
      self.frames = frames
      (used, readByteCount) = (0, 0)
    }

    /// Lets go what the chunk has now: nobody else's reference to a buffer keeps it from being used again.
    mutating func end() {
      (segment, buffer) = (nil, nil)
      (windows, frames) = ([], [])
      ahead = FramesAhead()
    }

    /// Loads a model's run, from wherever it comes.
    mutating func load(
      _ model: Int, from origin: Origin, _ elements: Range<Int>, _ computed: ComputedRuns?,
      base: ChunkRun?
    ) throws -> ChunkRun? {
      guard let source = strip.task.fineTuned[model] else { return nil }
      let available = strip.task.fineTunedElementCounts[model]
      switch origin {
      case .nowhere: return nil
      case .file:
        let stored = source.isStored ? try load(source, elements, available: available) : nil
        guard let ordinal = source.computed, let computed else { return stored }
        return try compute(
          ordinal, computed, elements, available: available, stored: stored, base: base)
      case .frames(let frames):
        return unpack(frames, source, elements, available: available)
      }
    }

    /// Makes room for a run that the lane will unpack.
    mutating func unpack(
      _ origin: Origin.Frames, _ source: TensorSource, _ elements: Range<Int>, available: Int
    ) -> ChunkRun? {
      let end = min(elements.upperBound, available)
      guard elements.lowerBound < end, let buffer else { return nil }
      let dtype = Kernels.packedDType(base: strip.task.base.dtype, tuned: source.dtype)
      let count = end - elements.lowerBound
      let target = unsafe take(count * (dtype.byteCount ?? 4), of: buffer)
      let part = elements.lowerBound..<end
      frames.append(
        unsafe PackedRun(
          origin.cursor, origin.packed, ahead, strip, part, dtype, target: target))
      if origin.packed.holdsDeltas {
        let deltas = unsafe UnsafeBufferPointer(target.bindMemory(to: Float.self))
        return unsafe ChunkRun(deltas: deltas, inputByteCount: source.byteCount(ofElements: count))
      }
      return unsafe ChunkRun(UnsafeRawBufferPointer(target), dtype, elementCount: count)
    }

    /// Computes a run of deltas, with those of the model's own weights.
    mutating func compute(
      _ ordinal: Int, _ computed: ComputedRuns, _ elements: Range<Int>, available: Int,
      stored: ChunkRun?, base: ChunkRun?
    ) throws -> ChunkRun? {
      let end = min(elements.upperBound, available)
      guard elements.lowerBound < end, let buffer else { return nil }
      let count = end - elements.lowerBound
      let target = unsafe take(count * 4, of: buffer).bindMemory(to: Float.self)
      let byteCount = try unsafe computed.compute(
        ordinal, elements.lowerBound..<end, stored: stored, base: base, into: target)
      context.count(bytes: byteCount)
      readByteCount += byteCount
      return unsafe ChunkRun(
        deltas: UnsafeBufferPointer(target), inputByteCount: stored?.inputByteCount ?? 0)
    }

    /// The next bytes of the chunk's buffer.
    mutating func take(
      _ byteCount: Int, of buffer: PooledBuffer
    ) -> UnsafeMutableRawBufferPointer {
      defer { used += (byteCount + 63) & ~63 }
      // SAFETY: the pool's buffers hold a whole chunk with every run rounded up to a cache line.
      return unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[used..<(used + byteCount)])
    }

    mutating func load(
      _ source: TensorSource, _ elements: Range<Int>, available: Int
    ) throws -> ChunkRun? {
      let end = min(elements.upperBound, available)
      guard elements.lowerBound < end else { return nil }
      if source.isNumbers, let buffer {
        let count = end - elements.lowerBound
        let target = unsafe take(count * 4, of: buffer)
        if let start = target.baseAddress {
          // SAFETY: runs in the buffer begin on a cache line, and hold four bytes for each element.
          try unsafe NumberReader(stage.files).read(
            elements.lowerBound..<end, of: source,
            into: start.assumingMemoryBound(to: Float.self))
        }
        let byteCount = source.byteCount(ofElements: count)
        context.count(bytes: byteCount)
        readByteCount += byteCount
        return unsafe ChunkRun(
          UnsafeRawBufferPointer(target), source.dtype, elementCount: count)
      }
      let range = source.byteRange(ofElements: elements.lowerBound..<end)
      let file = stage.files[source.file]
      context.count(bytes: range.count)
      readByteCount += range.count
      if source.view == nil,
        let bytes = unsafe segment?.bytes(of: source.file, range)
          ?? direct?.bytes(range, of: file)
      {
        return unsafe ChunkRun(bytes, source.dtype, elementCount: end - elements.lowerBound)
      }
      if let buffer {
        let stripRange = source.byteRange(
          ofElements: strip.elements.clamped(to: 0..<available))
        let target = unsafe take(range.count, of: buffer)
        if let view = source.view {
          // Brought together: the elements do not lie one after the other in the file.
          try unsafe file.read(
            elements.lowerBound..<end, of: view, at: source.byteRange.lowerBound,
            width: source.dtype.byteCount ?? 1, into: target)
        } else {
          askAhead(range, of: file, in: stripRange)
          try unsafe file.read(into: target, at: range.lowerBound)
        }
        if stage.dropsCachedPages, source.view == nil {
          dropBehind(
            range, of: file, stripStart: stripRange.lowerBound,
            isLast: elements.upperBound == strip.elements.upperBound)
        }
        return unsafe ChunkRun(
          UnsafeRawBufferPointer(target), source.dtype, elementCount: end - elements.lowerBound)
      }
      let window = try file.map(
        range, populate: true, dropsCachedPages: stage.dropsCachedPages)
      windows.append(window)
      return unsafe ChunkRun(
        window.bytes, source.dtype, elementCount: end - elements.lowerBound)
    }

    /// Has what comes next in a strip read beside the work, where the system would not.
    private func askAhead(_ range: Range<Int>, of file: InputFile, in strip: Range<Int>) {
      guard file.isReadAheadOff else { return }
      let unit = RunLoader.askedByteCount
      let begun = range.lowerBound / unit
      guard range.lowerBound == strip.lowerBound || range.upperBound / unit > begun else { return }
      let end = min((range.upperBound / unit + 2) * unit, strip.upperBound)
      file.willNeed(range.lowerBound..<max(end, range.upperBound))
    }

    /// Takes what was read out of the page cache, whenever a run of it is complete.
    private func dropBehind(
      _ range: Range<Int>, of file: InputFile, stripStart: Int, isLast: Bool
    ) {
      let begun = range.lowerBound / RunLoader.droppedByteCount
      guard isLast || range.upperBound / RunLoader.droppedByteCount > begun else { return }
      let first = max(stripStart, begun * RunLoader.droppedByteCount)
      file.dropCachedPages(in: first..<range.upperBound)
    }
  }
}
