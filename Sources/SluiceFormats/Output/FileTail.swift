/// The end of a file that grows, in memory until there is enough of it to be written at once.
///
/// What is written are blocks, each where a multiple of its length begins: the system keeps such a block in one piece,
/// and looks for a place for each of many pieces of one that lies elsewhere.
package struct FileTail: Sendable {
  /// The bytes of a block.
  package static let blockByteCount = 1 << 17
  /// The most bytes that are in memory, where less than a block is added at once.
  package static let byteLimit = 2 * blockByteCount

  /// What is in memory: more can be added at the end.
  package var bytes: [UInt8] = []
  /// Where the first of the bytes belongs.
  package private(set) var start: Int

  /// Begins to add to a file.
  ///
  /// - Parameter start: How long it is.
  package init(at start: Int = 0) { self.start = start }

  /// Where the file ends.
  package var end: Int { start + bytes.count }

  /// Writes the blocks that are complete.
  ///
  /// - Parameter file: The file.
  /// - Throws: If the disk is full or reports an error.
  package mutating func writeBlocks(to file: WorkFile) throws(FormatError) {
    let blocksEnd = end / FileTail.blockByteCount * FileTail.blockByteCount
    if blocksEnd > start { try write(first: blocksEnd - start, to: file) }
  }

  /// Writes all that is in memory.
  ///
  /// - Parameter file: The file.
  /// - Throws: If the disk is full or reports an error.
  package mutating func write(to file: WorkFile) throws(FormatError) {
    if !bytes.isEmpty { try write(first: bytes.count, to: file) }
  }

  /// Writes all that is in memory, and leaves what comes next in the file to somebody else.
  ///
  /// - Parameters:
  ///   - end: Where more is going to be added.
  ///   - file: The file.
  /// - Throws: If the disk is full or reports an error.
  package mutating func skip(to end: Int, of file: WorkFile) throws(FormatError) {
    try write(to: file)
    start = end
  }

  private mutating func write(first count: Int, to file: WorkFile) throws(FormatError) {
    // SAFETY: there are as many bytes, and they are used inside the closure only.
    let result = unsafe bytes.withUnsafeBytes { bytes in
      Result { () throws(FormatError) in
        try unsafe file.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: start)
      }
    }
    try result.get()
    bytes.removeFirst(count)
    start += count
  }
}
