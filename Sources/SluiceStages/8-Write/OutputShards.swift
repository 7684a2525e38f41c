public import SluiceFormats
internal import Synchronization

/// The shards of the merged model while they are written: under temporary names, in any order of
/// ranges, each made when its first range comes and safely on disk when its last has come.
public final class OutputShards: Sendable {
  private struct Shard {
    var file: OutputFile?
    var missingBytes: Int
  }

  private let layout: ShardLayout
  private let directory: String
  private let shards: Mutex<[Shard]>

  /// Makes the shards of a layout; nothing is written yet.
  ///
  /// - Parameters:
  ///   - layout: The planned files.
  ///   - directory: Where unfinished files are kept.
  public init(_ layout: ShardLayout, in directory: String) {
    self.layout = layout
    self.directory = directory
    shards = Mutex(layout.shards.map { Shard(missingBytes: $0.byteCount) })
  }

  /// Writes a range of a shard's tensors.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - shard: The ordinal of the shard.
  ///   - offset: Where they begin in the file.
  /// - Throws: `FormatError` if the disk is full or fails.
  public func write(
    _ bytes: UnsafeRawBufferPointer, shard: Int, at offset: Int
  ) throws(FormatError) {
    let file = try openFile(shard)
    try unsafe file.write(bytes, at: offset)
    if countWritten(bytes.count, of: shard) { try file.finish() }
  }

  /// Writes what has no tensor bytes to wait for: the headers of shards that hold only empty tensors.
  ///
  /// - Throws: `FormatError` if the disk is full or fails.
  public func finish() throws(FormatError) {
    for ordinal in layout.shards.indices {
      let file = try openFile(ordinal)
      precondition(shards.withLock { $0[ordinal].missingBytes } == 0, "a shard has a hole")
      try file.finish()
    }
  }

  /// Gives every shard its final name.
  ///
  /// - Parameter directory: Where finished files go.
  /// - Throws: `FormatError` if a file cannot be renamed.
  public func publish(in directory: String) throws(FormatError) {
    for (ordinal, shard) in layout.shards.enumerated() {
      try openFile(ordinal).publish(to: "\(directory)/\(shard.fileName)")
    }
  }

  // Made under the lock, so that of several writers one makes the file.
  private func openFile(_ ordinal: Int) throws(FormatError) -> OutputFile {
    try shards.withLock { (shards) throws(FormatError) in
      if let file = shards[ordinal].file { return file }
      let shard = layout.shards[ordinal]
      let file = try OutputFile.create(
        at: "\(directory)/\(shard.fileName)", byteCount: shard.byteCount)
      // Safety: the header is used inside the closure only.
      let result = unsafe shard.header.withUnsafeBytes { header in
        Result { () throws(FormatError) in try unsafe file.write(header, at: 0) }
      }
      try result.get()
      shards[ordinal].file = file
      shards[ordinal].missingBytes -= shard.header.count
      return file
    }
  }

  private func countWritten(_ byteCount: Int, of ordinal: Int) -> Bool {
    shards.withLock { shards in
      shards[ordinal].missingBytes -= byteCount
      return shards[ordinal].missingBytes == 0
    }
  }
}
