internal import SluiceCore

/// Reading around the page cache: the disk writes into the buffer itself.
extension InputFile {
  /// What the address of a buffer must be a multiple of.
  package static let directAlignment = MemoryPage.byteCount
  /// What a buffer must hold beside the range: what lies in front of it and behind it in the same pages.
  package static let directSlack = 2 * directAlignment

  /// Whether the file can be opened for reading around the page cache.
  package var canBeReadDirectly: Bool {
    byteCount > 0 && directDescriptor != nil
  }

  /// The descriptor of the file around the page cache; nil if it is to be read in another way.
  package var directDescriptor: Int32? {
    readsThroughOthers ? nil : direct.directDescriptor(of: descriptor)
  }

  /// Reads a range into a buffer, together with what else lies in its pages.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - buffer: Begins on a page and is at least `directSlack` longer than the range.
  /// - Returns: Where in the buffer the range begins; nil if the file cannot be read so: then it is to be read
  ///   in another way.
  /// - Throws: If the read fails or the file ends too early.
  package func readDirectly(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) -> Int? {
    guard !readsThroughOthers else { return nil }
    return try unsafe direct.read(range, into: buffer, of: descriptor, path: path)
  }

  /// Reads a range to see how long that takes: around the page cache if it can be, and leaving nothing there
  /// otherwise.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - buffer: As for `readDirectly`.
  /// - Throws: If the read fails or the file ends too early.
  package func readForTiming(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    guard try unsafe readDirectly(range, into: buffer) == nil else { return }
    let window = try map(range, populate: true, dropsCachedPages: true)
    try window.checkReadable()
    window.release()
  }
}
