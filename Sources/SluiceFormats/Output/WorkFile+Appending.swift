internal import SluiceCore
internal import Synchronization

extension WorkFile {
  /// What is added at the end of the file, and not all written yet.
  struct Appended {
    var tail = FileTail()
    /// Where what an earlier run added ends.
    var earlierEnd = 0
    /// Whether bytes may stay in memory.
    var isGathered = true

    var end: Int { max(tail.end, earlierEnd) }

    /// Where the bytes begin that are in memory only.
    var unwrittenStart: Int { tail.bytes.isEmpty ? .max : tail.start }

    /// Adds bytes.
    ///
    /// - Returns: Where they begin.
    mutating func append(_ bytes: [UInt8], to file: WorkFile) throws(FormatError) -> Int {
      let start = end
      if start > tail.end { try tail.skip(to: start, of: file) }
      if isGathered, bytes.count < FileTail.blockByteCount {
        tail.bytes.reserveCapacity(FileTail.byteLimit)
        tail.bytes += bytes
        try tail.writeBlocks(to: file)
      } else {
        try tail.skip(to: start + bytes.count, of: file)
        try file.write(bytes, at: start)
      }
      return start
    }
  }

  /// Adds bytes at the end, where they may stay in memory until somebody reads the file or waits for it.
  ///
  /// - Parameter bytes: The bytes.
  /// - Returns: Where they begin.
  /// - Throws: If the disk is full or reports an error, also when it wrote bytes that were added before.
  package func append(_ bytes: [UInt8]) throws(FormatError) -> Int {
    try change { appended throws(FormatError) in try appended.append(bytes, to: self) }
  }

  /// Has all that is added from now on written at once.
  package func writeAtOnce() { appended.withLock { $0.isGathered = false } }

  /// Takes room at the end for bytes that are going to be written there.
  ///
  /// - Parameters:
  ///   - byteCount: The number of bytes.
  ///   - alignment: What the position is a multiple of.
  ///   - limit: How long the file may become.
  /// - Returns: The position of the first, or nil if the file would become too long.
  /// - Throws: If bytes that were added before cannot be written.
  package func allocate(
    _ byteCount: Int, alignment: Int, limit: Int
  ) throws(FormatError) -> Int? {
    try change { appended throws(FormatError) in
      let start = appended.end.roundedUp(to: alignment)
      guard byteCount <= limit - start else { return nil }
      try appended.tail.skip(to: start + byteCount, of: self)
      return start
    }
  }

  /// Keeps what an earlier run added: nothing is added in its place.
  ///
  /// - Parameter end: Where it ends.
  package func keep(upTo end: Int) {
    appended.withLock { $0.earlierEnd = max($0.earlierEnd, end) }
  }

  /// Where the next bytes are added.
  package var end: Int { appended.withLock { $0.end } }

  /// Sees to it that bytes that were added are in the file.
  ///
  /// - Parameter end: Where what is going to be read ends.
  /// - Throws: If they cannot be written.
  func writeAppended(upTo end: Int = .max) throws(FormatError) {
    guard end > unwrittenStart.load(ordering: .acquiring) else { return }
    try change { appended throws(FormatError) in try appended.tail.write(to: self) }
  }

  private func change<Value: Sendable>(
    _ body: (inout Appended) throws(FormatError) -> Value
  ) throws(FormatError) -> Value {
    try appended.withLock { appended throws(FormatError) in
      defer { unwrittenStart.store(appended.unwrittenStart, ordering: .releasing) }
      return try body(&appended)
    }
  }
}
