internal import SluiceCore
internal import SluiceFormats

/// The place of a run in a chunk that is to be unpacked from frames.
@safe struct PackedRun: @unchecked Sendable {
  // Safe to send: it goes with the chunk whose buffer it is, which one node has at a time, and the cursor is
  // used by the node that unpacks only.

  private let cursor: FrameCursor
  private let packed: PackedStrip
  private let strip: Strip
  private let elements: Range<Int>
  private let dtype: DType
  @unsafe private let target: UnsafeMutableRawBufferPointer

  /// Describes a run.
  ///
  /// - Parameters:
  ///   - cursor: What unpacks the model's frames, strip after strip.
  ///   - packed: The frames of the strip.
  ///   - strip: The strip.
  ///   - elements: The elements, which the model has; runs of a strip follow each other.
  ///   - dtype: The type of the patterns.
  ///   - target: Where they go.
  init(
    _ cursor: FrameCursor, _ packed: PackedStrip, _ strip: Strip, _ elements: Range<Int>,
    _ dtype: DType, target: UnsafeMutableRawBufferPointer
  ) {
    self.cursor = cursor
    self.packed = packed
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
    return try unsafe cursor.read(elements, base: base, strip.task, dtype, into: target)
  }
}

extension PackedStrip {
  /// Asks the system for the frames that begin with some elements of a strip.
  func willNeed(_ elements: Range<Int>, of strip: Strip) {
    func frames(before element: Int) -> Int {
      let passed = element - strip.elements.lowerBound
      return min((passed + Frame.elementLimit - 1) / Frame.elementLimit, table.frames.count)
    }
    let begun = frames(before: elements.lowerBound)..<frames(before: elements.upperBound)
    for entry in table.frames[begun] where entry.byteCount > 0 {
      file.willNeed(entry.offset..<entry.offset + entry.byteCount)
    }
  }
}
