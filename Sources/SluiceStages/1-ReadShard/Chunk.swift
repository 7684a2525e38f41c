package import SluiceCore
internal import SluiceDataflow
package import SluiceFormats

/// A run of contiguous elements of one model: as they lie in its file, at any alignment, or deltas that
/// were computed.
@safe package struct ChunkRun: @unchecked Sendable {
  // Safe to send: the bytes are those of a buffer or window that goes with the chunk, which one node
  // has at a time; nobody writes to them once the run is made.

  /// The first element.
  @unsafe package let bytes: UnsafeRawPointer
  /// The type of the elements.
  package let dtype: DType
  /// How many elements of the chunk the model has, counted from the chunk's first.
  package let elementCount: Int
  /// Whether they are deltas, of Float32, and not weights.
  package let isDelta: Bool
  /// The bytes that the elements take in the model's file.
  package let inputByteCount: Int

  package init(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, elementCount: Int) {
    guard let start = bytes.baseAddress else { preconditionFailure("a run is not empty") }
    unsafe self.bytes = unsafe start
    self.dtype = dtype
    self.elementCount = elementCount
    isDelta = false
    inputByteCount = elementCount * (dtype.byteCount ?? 1)
  }

  init(deltas: UnsafeBufferPointer<Float>, inputByteCount: Int) {
    guard let start = deltas.baseAddress else { preconditionFailure("a run is not empty") }
    unsafe bytes = UnsafeRawPointer(start)
    dtype = .f32
    elementCount = deltas.count
    isDelta = true
    self.inputByteCount = inputByteCount
  }
}

/// A run of contiguous elements of one tensor with the same run from every model.
///
/// It is what is read at once and worked on, and what crosses the edge between the two. Who sends one
/// has it no longer; dropping it gives its memory back.
package struct Chunk: EdgeElement {
  /// The strip that it belongs to.
  package let strip: Strip
  /// The elements, as positions in the tensor.
  package let elements: Range<Int>
  /// The base model's run; nil where the base has none of these elements.
  package let base: ChunkRun?
  /// Each fine-tuned model's run; nil where the model counts as unchanged.
  package let fineTuned: [ChunkRun?]
  /// The bytes that were read from files of models for the chunk.
  package let readByteCount: Int

  /// The bytes of its elements, however they were read.
  package let byteCount: Int
  /// The most bytes that reading it takes.
  package let heldByteCount: Int

  private let windows: [FileWindow]
  private let frames: [PackedRun]
  private let buffer: PooledBuffer?

  init(
    strip: Strip, elements: Range<Int>, base: ChunkRun?, fineTuned: [ChunkRun?],
    readByteCount: Int, windows: [FileWindow], frames: [PackedRun] = [], buffer: PooledBuffer?
  ) {
    self.strip = strip
    self.elements = elements
    self.base = base
    self.fineTuned = fineTuned
    self.readByteCount = readByteCount
    self.windows = windows
    self.frames = frames
    self.buffer = buffer
    byteCount = zip(fineTuned, strip.task.fineTuned).reduce(
      Chunk.byteCount(of: base, from: strip.task.base)
    ) { $0 + Chunk.byteCount(of: $1.0, from: $1.1) }
    heldByteCount = ReadStage.chunkByteCount(strip.task, chunkElements: elements.count)
  }

  /// Of packed elements what lies in the file counts, as the plan has it.
  private static func byteCount(of run: ChunkRun?, from source: TensorSource?) -> Int {
    guard let run else { return 0 }
    guard let source, source.isNumbers else { return run.inputByteCount }
    return source.byteCount(ofElements: run.elementCount)
  }

  /// Gives the buffer back.
  package consuming func giveBack() {
    let buffer = buffer
    _ = consume self
    if let buffer { PooledBuffer.giveBack(buffer) }
  }

  /// Fills the runs that come from frames: a lane does so before it looks at them, chunk after chunk.
  ///
  /// - Returns: The bytes read from files of frames.
  /// - Throws: `FormatError` if a frame is not what belongs there.
  package func unpack() throws -> Int {
    try frames.reduce(0) { try $0 + $1.unpack(base: base) }
  }

  /// Checks that all that was looked at could be read; what was computed from it counts only then.
  ///
  /// - Throws: `FormatError` if a mapped file was cut short or its disk failed.
  package func checkReadable() throws(FormatError) {
    for window in windows { try window.checkReadable() }
  }

  /// Whether it is the first of its strip.
  package var isFirst: Bool { elements.lowerBound == strip.elements.lowerBound }
  /// Whether it is the last of its strip.
  package var isLast: Bool { elements.upperBound == strip.elements.upperBound }
}
