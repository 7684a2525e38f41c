internal import SluiceCore
internal import SluiceFormats

/// The place of a run in a chunk that is to be unpacked from frames.
@safe struct PackedRun: @unchecked Sendable {
  // Safe to send: it goes with the chunk whose buffer it is, which one node has at a time, and the cursor is
  // used by the node that unpacks only.

  private let cursor: FrameCursor
  private let packed: PackedStrip
  private let ahead: FramesAhead
  private let strip: Strip
  private let elements: Range<Int>
  private let dtype: DType
  @unsafe private let target: UnsafeMutableRawBufferPointer

  /// Describes a run.
  ///
  /// - Parameters:
  ///   - cursor: What unpacks the model's frames, strip after strip.
  ///   - packed: The frames of the strip.
  ///   - ahead: Those that are in memory.
  ///   - strip: The strip.
  ///   - elements: The elements, which the model has; runs of a strip follow each other.
  ///   - dtype: The type of the patterns.
  ///   - target: Where they go.
  init(
    _ cursor: FrameCursor, _ packed: PackedStrip, _ ahead: FramesAhead, _ strip: Strip,
    _ elements: Range<Int>, _ dtype: DType, target: UnsafeMutableRawBufferPointer
  ) {
    self.cursor = cursor
    self.packed = packed
    self.ahead = ahead
    self.strip = strip
    self.elements = elements
    self.dtype = dtype
    unsafe self.target = target
  }

  /// Fills the run.
  ///
  /// - Parameter base: The base's run of the chunk.
  /// - Returns: The number of bytes read from the file.
  /// - Throws: `FormatError` if a frame is not what belongs there.
  func unpack(base: ChunkRun?) throws -> Int {
    if elements.lowerBound == strip.elements.lowerBound { cursor.begin(strip, packed) }
    return try unsafe cursor.read(
      elements, base: base, strip.task, dtype, ahead, into: target)
  }
}
