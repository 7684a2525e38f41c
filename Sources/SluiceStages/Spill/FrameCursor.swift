internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels

/// Reads the frames of one model's strip from first to last, as a run of patterns among the base's:
/// elements that were not kept read as unchanged.
@safe final class FrameCursor {
  private let kernels: Kernels
  private let decoder: FrameDecoder
  private let stored = AlignedBuffer<UInt8>(count: Frame.byteLimit(.f32), fill: 0)
  private let baseCells = AlignedBuffer<UInt32>(count: Granularity.tileElements, fill: 0)
  private var packed: PackedStrip?
  private var stripStart = 0
  private var next = 0
  private var frame: Range<Int> = 0..<0
  private var baseSum = BlockSum()

  /// The bytes that a cursor holds.
  static let byteCount = FrameDecoder.byteCount + Frame.byteLimit(.f32)

  init(kernels: Kernels) {
    self.kernels = kernels
    decoder = FrameDecoder(kernels: kernels)
  }

  /// Prepares for a strip.
  func begin(_ strip: Strip, _ packed: PackedStrip) {
    self.packed = packed
    stripStart = strip.elements.lowerBound
    next = 0
    frame = stripStart..<stripStart
  }

  /// Reads the next run.
  ///
  /// - Parameters:
  ///   - elements: The elements, which the model has; they follow those of the last call.
  ///   - base: The base's run of the chunk.
  ///   - task: The tensor.
  ///   - dtype: The type of the patterns.
  ///   - ahead: The frames that are in memory.
  ///   - target: Where the patterns go.
  /// - Returns: The number of bytes read from the file.
  /// - Throws: `FormatError` if a frame is not what belongs there.
  func read(
    _ elements: Range<Int>, base: ChunkRun?, _ task: TensorTask, _ dtype: DType,
    _ ahead: FramesAhead, into target: UnsafeMutableRawBufferPointer
  ) throws -> Int {
    guard let packed else { preconditionFailure("a cursor begins with a strip") }
    let width = dtype.byteCount ?? 4
    var byteCount = 0
    var start = elements.lowerBound
    while start < elements.upperBound {
      if start == frame.upperBound {
        byteCount += try load(packed, task, dtype, ahead, from: start)
      }
      let part = start..<min(frame.upperBound, elements.upperBound)
      let offset = (start - elements.lowerBound) * width
      // SAFETY: the target has room for all elements.
      try unsafe unpack(
        part, chunkStart: elements.lowerBound, packed.holdsDeltas ? nil : base, packed, task, dtype,
        into: UnsafeMutableRawBufferPointer(rebasing: target[offset...]))
      if packed.checksBase {
        try checkBase(part, chunkStart: elements.lowerBound, base, packed, task)
      }
      start = part.upperBound
    }
    return byteCount
  }

  private func load(
    _ packed: PackedStrip, _ task: TensorTask, _ dtype: DType, _ ahead: FramesAhead,
    from start: Int
  ) throws -> Int {
    guard next < packed.table.frames.count else {
      throw packed.place(FrameTable.Entry(offset: 0, byteCount: 0), task.name).problem(
        "frames from element \(start) on are missing")
    }
    let entry = packed.table.frames[next]
    next += 1
    let place = packed.place(entry, task.name)
    guard entry.byteCount <= stored.count else { throw place.problem("the frame is too long") }
    let held = unsafe packed.held?.bytes(entry)
    let bytes =
      try unsafe held ?? ahead.bytes(entry, of: packed.file) ?? read(entry, packed)
    try unsafe decoder.decode(
      bytes,
      seed: Frame.seed(owner: packed.owner, firstElement: start), place: place)
    guard decoder.dtype == dtype else {
      throw place.problem("the frame holds \(decoder.dtype), expected \(dtype)")
    }
    frame = start..<start + decoder.elementCount
    baseSum = BlockSum()
    return unsafe held == nil ? entry.byteCount : 0
  }

  private func read(
    _ entry: FrameTable.Entry, _ packed: PackedStrip
  ) throws -> UnsafeRawBufferPointer {
    // SAFETY: the buffer is as long as the longest frame, and this entry is not longer.
    let bytes = unsafe UnsafeMutableRawBufferPointer(start: stored.pointer, count: entry.byteCount)
    try unsafe packed.file.read(into: bytes, at: entry.offset)
    return UnsafeRawBufferPointer(bytes)
  }

  private func unpack(
    _ part: Range<Int>, chunkStart: Int, _ base: ChunkRun?, _ packed: PackedStrip,
    _ task: TensorTask, _ dtype: DType, into target: UnsafeMutableRawBufferPointer
  ) throws {
    let width = dtype.byteCount ?? 4
    // All at once where the base lies there as it is, and else tile by tile.
    let isDirect =
      base.map { $0.dtype == dtype && $0.elementCount >= part.upperBound - chunkStart } ?? false
    let step = isDirect ? part.count : Granularity.tileElements
    var start = part.lowerBound
    while start < part.upperBound {
      let end = min(start + step, part.upperBound)
      let tile = (start - chunkStart)..<(end - chunkStart)
      // SAFETY: tiles begin at whole words of keep bits, since chunks and frames do; the target has
      // room for the whole part.
      let bases = unsafe BasePatterns.tile(base, tile, dtype, in: baseCells, kernels: kernels)
      guard let out = target.baseAddress,
        unsafe kernels.unpack(
          base: bases, dtype, keep: decoder.keep + (start - frame.lowerBound) / 64,
          count: tile.count, planes: decoder.planes, planeLength: decoder.keptCount,
          positions: decoder.positions, ends: decoder.ends,
          into: out + (start - part.lowerBound) * width)
      else { throw otherBase(packed, task.name) }
      start = end
    }
  }

  private func checkBase(
    _ part: Range<Int>, chunkStart: Int, _ base: ChunkRun?, _ packed: PackedStrip,
    _ task: TensorTask
  ) throws {
    if let base, base.elementCount > part.lowerBound - chunkStart {
      let end = min(part.upperBound - chunkStart, base.elementCount)
      let first = part.lowerBound - chunkStart
      // SAFETY: both positions lie inside the run.
      let bytes = unsafe UnsafeRawBufferPointer(
        start: base.element(first), count: (end - first) * (base.dtype.byteCount ?? 1))
      unsafe baseSum.add(bytes, firstElement: part.lowerBound, dtype: base.dtype)
    }
    // Where only a part of the frame is wanted, there is nothing to compare with.
    let isWhole = part.upperBound == frame.upperBound
    if isWhole, baseSum.value != decoder.baseSum { throw otherBase(packed, task.name) }
  }

  private func otherBase(_ packed: PackedStrip, _ tensor: String) -> FormatError {
    let entry = packed.table.frames[max(0, next - 1)]
    return packed.place(entry, tensor).problem("the frame was made with another base")
  }
}

extension PackedStrip {
  /// Where a frame is, for messages.
  func place(_ entry: FrameTable.Entry, _ tensor: String) -> FramePlace {
    FramePlace(
      file: file.path, byteRange: entry.offset..<entry.offset + entry.byteCount, tensor: tensor,
      isOfRun: !checksBase)
  }
}
