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
}

/// Merged bytes on their way to a shard.
///
/// Dropping it gives the buffer back.
package struct WriteJob: EdgeElement {
  /// The buffer that holds the bytes.
  package let buffer: PooledBuffer
  /// Where they lie in the buffer.
  package private(set) var range: Range<Int>
  /// The strips that they belong to: one, or several small tensors that lie one after the other.
  package private(set) var strips: [StripShare] = []
  /// The ordinal of the shard.
  package let shard: Int
  /// Where they go in the shard; where the tensor's first element goes if they do not stay together.
  package let offset: Int
  /// What they are of a tensor whose elements do not lie one after the other.
  package internal(set) var scattering: Scattering?

  /// A strip, and how many of the bytes are its own.
  package struct StripShare: Sendable {
    /// The ordinal of the strip.
    package let strip: Int
    /// The number of bytes.
    package fileprivate(set) var byteCount: Int
  }

  /// How elements are written that do not stay together.
  package struct Scattering: Sendable {
    let view: StridedView
    /// The position of the first element in the tensor's order.
    let firstElement: Int
    let width: Int
  }

  /// Takes bytes of a strip that lie after the last ones.
  mutating func add(_ byteCount: Int, of strip: Int) {
    range = range.lowerBound..<range.upperBound + byteCount
    if strips.last?.strip == strip {
      strips[strips.count - 1].byteCount += byteCount
    } else {
      strips.append(StripShare(strip: strip, byteCount: byteCount))
    }
  }

  package var byteCount: Int { range.count }
  package var heldByteCount: Int { unsafe buffer.bytes.count }
}

/// Writes merged chunks to their places: the last nodes of the graph, shared by all lanes.
package struct WriteStage: Sendable {
  private let shards: any OutputPlaces
  private let ledger: StripLedger

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
    while let job = try context.receive(from: channel) {
      // SAFETY: the job owns the buffer, and its range lies inside.
      try unsafe shards.write(
        UnsafeRawBufferPointer(rebasing: job.buffer.bytes[job.range]), shard: job.shard,
        at: job.offset, job.scattering)
      ledger.didWrite(job)
      context.count(bytes: job.range.count)
      didWrite(job.range.count)
    }
  }
}
