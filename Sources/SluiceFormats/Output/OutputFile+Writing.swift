internal import Glibc
internal import SluiceCore
internal import Synchronization

extension OutputFile {
  /// Writes bytes; any thread may, as long as no two write the same bytes.
  ///
  /// - Parameters:
  ///   - bytes: What to write. Around the page cache it goes where address and offset leave the
  ///     same remainder modulo 4096.
  ///   - offset: Where in the file; all bytes must lie inside it.
  /// - Throws: If the disk is full or reports an error.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FormatError) {
    precondition(offset >= 0 && offset <= byteCount - bytes.count, "a write outside of the file")
    precondition(!isClosed.load(ordering: .acquiring), "a write to a closed file")
    guard let start = bytes.baseAddress, bytes.count > 0 else { return }
    let inner = unsafe directRange(of: bytes, at: offset)
    guard let direct, !inner.isEmpty else { return try unsafe writeBuffered(bytes, at: offset) }
    // Safety: the three slices are parts of the caller's buffer, as the ranges are of its range.
    let head = inner.lowerBound - offset
    let isWritten = try unsafe direct.write(
      UnsafeRawBufferPointer(start: start + head, count: inner.count), at: inner.lowerBound,
      of: descriptor, path: path)
    guard isWritten else { return try unsafe writeBuffered(bytes, at: offset) }
    try unsafe writeBuffered(UnsafeRawBufferPointer(start: start, count: head), at: offset)
    let tail = offset + bytes.count - inner.upperBound
    try unsafe writeBuffered(
      UnsafeRawBufferPointer(start: start + (bytes.count - tail), count: tail),
      at: inner.upperBound)
  }

  /// The part of a write that can go around the page cache: whole pages, in memory as in the file.
  private func directRange(of bytes: UnsafeRawBufferPointer, at offset: Int) -> Range<Int> {
    let alignment = ShardLayout.alignment
    let address = Int(bitPattern: bytes.baseAddress)
    guard direct?.isPossible(descriptor) ?? false,
      (address - offset) % alignment == 0
    else { return offset..<offset }
    let first = offset.roundedUp(to: alignment)
    let end = (offset + bytes.count).roundedDown(to: alignment)
    return first < end ? first..<end : offset..<offset
  }

  /// Writes bytes through the page cache.
  func writeBuffered(
    _ bytes: UnsafeRawBufferPointer, at offset: Int
  ) throws(FormatError) {
    guard bytes.count > 0 else { return }
    let range = offset..<offset + bytes.count
    let number = unsafe writeFully(descriptor, bytes, at: offset, path: path)
    guard number == 0 else { throw .write(path, range: range, errno: number) }
    writeBack.wrote(range, to: descriptor)
  }
}
