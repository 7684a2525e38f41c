package import SluiceCore
internal import SluiceDataflow
package import SluiceFormats

/// A run of contiguous elements of one model: as they lie in its file, at any alignment, or deltas that
/// were computed.
@safe package struct ChunkRun {
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
/// It is what a lane reads at once and works on. Dropping it gives its memory back.
package final class Chunk {
  /// The strip that it belongs to.
  package let strip: Strip
  /// The elements, as positions in the tensor.
  package let elements: Range<Int>
  /// The base model's run; nil where the base has none of these elements.
  package let base: ChunkRun?
  /// Each fine-tuned model's run; nil where the model counts as unchanged.
  package let fineTuned: [ChunkRun?]
  /// The bytes that were read for the chunk, packed ones as they lie in their file.
  package let readByteCount: Int

  private let windows: [FileWindow]
  private let gathered: [GatheredRun]
  private let buffer: PooledBuffer?
  private let lease: ByteLease

  init(
    strip: Strip, elements: Range<Int>, base: ChunkRun?, fineTuned: [ChunkRun?],
    readByteCount: Int, windows: [FileWindow], gathered: [GatheredRun], buffer: PooledBuffer?,
    lease: ByteLease
  ) {
    self.strip = strip
    self.elements = elements
    self.base = base
    self.fineTuned = fineTuned
    self.readByteCount = readByteCount
    self.windows = windows
    self.gathered = gathered
    self.buffer = buffer
    self.lease = lease
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
