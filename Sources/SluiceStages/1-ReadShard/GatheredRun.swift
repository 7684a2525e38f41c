internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats

/// A run of elements that are packed, or do not lie one after the other in their file, brought together in memory
/// of its own, which goes back to the system with the last reference.
///
/// The same in both input modes: a mapping of a transposed matrix would span all of it for a few
/// rows, and count as memory used.
@safe final class GatheredRun {
  /// The elements, one after the other.
  @unsafe let bytes: UnsafeRawBufferPointer
  private let buffer: PooledBuffer

  /// Reads a run.
  init(
    _ elements: Range<Int>, of view: StridedView, _ source: TensorSource, in file: InputFile
  ) throws {
    let width = source.dtype.byteCount ?? 1
    buffer = try BufferPool(
      count: 1, byteCount: elements.count * width, cancellation: Cancellation()
    ).take()
    // SAFETY: the buffer is as long as the run, nobody else has it, and it lives as long as this.
    try unsafe file.read(
      elements, of: view, at: source.byteRange.lowerBound, width: width, into: buffer.bytes)
    unsafe bytes = UnsafeRawBufferPointer(buffer.bytes)
  }

  /// Reads a run of packed elements as Float32.
  ///
  /// - Parameters:
  ///   - elements: The elements, as positions in the tensor.
  ///   - packed: How the tensor is packed.
  ///   - files: The files of the run.
  /// - Throws: If there is no memory or a read fails.
  init(_ elements: Range<Int>, packed: PackedView, in files: [InputFile]) throws {
    buffer = try BufferPool(
      count: 1, byteCount: elements.count * 4, cancellation: Cancellation()
    ).take()
    // SAFETY: the buffer holds four bytes for each element, aligned, and nobody else has it.
    unsafe bytes = UnsafeRawBufferPointer(buffer.bytes)
    guard let target = unsafe buffer.bytes.baseAddress else { return }
    try unsafe PackedReader(files, packed).read(
      elements, into: target.assumingMemoryBound(to: Float.self))
  }
}
