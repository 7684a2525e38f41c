package import SluiceDataflow
package import SluiceFormats

/// Where merged bytes go.
package protocol OutputPlaces: Sendable {
  /// Writes a range of a shard's tensors.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - shard: The ordinal of the shard.
  ///   - offset: Where they begin in the file.
  ///   - scattering: How they lie from there on, if not one after the other.
  /// - Throws: `FormatError` if the disk is full or fails.
  func write(
    _ bytes: UnsafeRawBufferPointer, shard: Int, at offset: Int, _ scattering: WriteJob.Scattering?
  ) throws(FormatError)

  /// The bytes of a shard that lie in pages of which each byte is some tensor's, if these are to be written whole.
  func wholePages(of shard: Int) -> Range<Int>
}

extension OutputPlaces {
  /// None, where nothing is gained by writing whole pages.
  package func wholePages(of shard: Int) -> Range<Int> { 0..<0 }
}

/// Writes merged chunks to their places: the last nodes of the graph, shared by all lanes.
package struct WriteStage: Sendable {
  private let shards: any OutputPlaces
  private let ledger: StripLedger
  private let borders = BorderPages()

  /// Makes the stage.
  package init(_ shards: any OutputPlaces, ledger: StripLedger) {
    self.shards = shards
    self.ledger = ledger
  }

  /// Writes until the channel is closed.
  ///
  /// - Parameters:
  ///   - context: The node.
  ///   - channel: Where the chunks come from.
  ///   - didWrite: Called with the number of bytes after each chunk.
  /// - Throws: `FormatError` if the disk is full or fails, `CancelledError` if the run was cancelled.
  package func run(
    _ context: NodeContext, from channel: BoundedChannel<WriteJob>,
    didWrite: (Int) -> Void
  ) throws {
    while var job = try context.receive(from: channel) {
      let late = borders.fit(&job, within: shards.wholePages(of: job.shard))
      if job.byteCount > 0 {
        // SAFETY: the job owns the buffer, and its range lies inside.
        try unsafe shards.write(
          UnsafeRawBufferPointer(rebasing: job.buffer.bytes[job.range]), shard: job.shard,
          at: job.offset, job.scattering)
        ledger.didWrite(job.strips)
        context.count(bytes: job.byteCount)
        didWrite(job.byteCount)
      }
      (consume job).giveBack()
      try write(late, context, didWrite)
    }
    try write(borders.takeAll(), context, didWrite)
  }

  /// Writes parts of pages of which others do not come, or not soon.
  private func write(
    _ parts: [BorderPages.Part], _ context: NodeContext, _ didWrite: (Int) -> Void
  ) throws {
    for part in parts {
      // SAFETY: the bytes are used inside the closure only.
      let result = unsafe part.bytes.withUnsafeBytes { bytes in
        Result { () throws(FormatError) in
          try unsafe shards.write(bytes, shard: part.shard, at: part.offset, nil)
        }
      }
      try result.get()
      ledger.didWrite(part.strips)
      context.count(bytes: part.bytes.count)
      didWrite(part.bytes.count)
    }
  }
}
