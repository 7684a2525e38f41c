internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// Frames that stay in memory, in what a run has left of its budget: these are neither written nor read.
///
/// Their places lie behind those of any file. They are gone when the process ends, so that no journal may tell of them.
@safe package final class HeldFrames: Sendable {
  private static let firstPlace = 1 << 60

  private let buffer: PooledBuffer
  private let end = Atomic<Int>(0)

  /// Makes room.
  ///
  /// - Parameter byteCount: The number of bytes, at least one; pages take memory when they are first touched.
  /// - Throws: `DataflowError` if the system has no memory left.
  package init(byteCount: Int) throws {
    // The only buffer is free, so that nobody waits.
    buffer = try BufferPool(count: 1, byteCount: byteCount, cancellation: Cancellation()).take()
  }

  /// How many bytes are held.
  package var byteCount: Int { end.load(ordering: .relaxed) }

  /// Whether a place is one in memory.
  static func isHeld(_ place: Int) -> Bool { place >= firstPlace }

  /// Keeps bytes.
  ///
  /// - Parameter bytes: Some frames.
  /// - Returns: The place of the first byte; nil if there is no room.
  func keep(_ bytes: UnsafeRawBufferPointer) -> Int? {
    let capacity = unsafe buffer.bytes.count
    var start = byteCount
    while true {
      guard bytes.count <= capacity - start else { return nil }
      let (isTaken, found) = end.weakCompareExchange(
        expected: start, desired: start + bytes.count, ordering: .relaxed)
      if isTaken { break }
      start = found
    }
    // SAFETY: nobody else has these bytes, and there is room for all.
    unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[start...]).copyMemory(from: bytes)
    return HeldFrames.firstPlace + start
  }

  /// The bytes of a frame; nil if it lies in a file.
  func bytes(_ entry: FrameTable.Entry) -> UnsafeRawBufferPointer? {
    guard HeldFrames.isHeld(entry.offset) else { return nil }
    let start = entry.offset - HeldFrames.firstPlace
    precondition(start + entry.byteCount <= byteCount, "a frame lies where nothing is held")
    // SAFETY: the bytes were written before anybody learnt of their place.
    return unsafe UnsafeRawBufferPointer(
      rebasing: buffer.bytes[start..<start + entry.byteCount])
  }
}
