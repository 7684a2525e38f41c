internal import SluiceCore
public import SluiceDataflow
internal import SluiceFormats

/// Where a lane puts its merged chunks: takes a buffer, lets it be filled, adds its bytes to the
/// tensor's sum, and sends it to the writer.
public final class ChunkOutput {
  /// What a buffer holds beyond a chunk, so that bytes lie at the same position within a page in
  /// memory as in the file, as direct writing wants it.
  public static let alignmentSlack = ShardLayout.alignment

  private let context: NodeContext
  private let pool: BufferPool
  private let channel: BoundedChannel<WriteJob>
  private let ledger: StripLedger
  private var sum = BlockSum()

  /// Makes the output of one lane.
  ///
  /// - Parameters:
  ///   - context: The node of the lane.
  ///   - pool: The buffers, shared by all lanes.
  ///   - channel: The way to the writer.
  ///   - ledger: Who learns of the strips' sums.
  public init(
    context: NodeContext, pool: BufferPool, channel: BoundedChannel<WriteJob>, ledger: StripLedger
  ) {
    self.context = context
    self.pool = pool
    self.channel = channel
    self.ledger = ledger
  }

  /// Prepares for a strip.
  func begin(_ strip: Strip) { sum = BlockSum() }

  /// Lets a chunk's bytes be written and sends them on.
  ///
  /// - Parameters:
  ///   - chunk: The chunk.
  ///   - byteCount: The number of merged bytes.
  ///   - fill: Writes all of them.
  /// - Throws: What `fill` throws, or `CancelledError`.
  func emit(
    _ chunk: Chunk, byteCount: Int,
    _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    guard byteCount > 0 else { return }
    let task = chunk.strip.task
    let offset =
      task.outputOffset + chunk.elements.lowerBound * (task.outputDType.byteCount ?? 1)
    let buffer = try context.take(from: pool)
    let lead = offset % ShardLayout.alignment
    let range = lead..<(lead + byteCount)
    // SAFETY: the pool's buffers hold a whole chunk after the longest lead.
    let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[range])
    try unsafe fill(bytes)
    unsafe sum.add(
      UnsafeRawBufferPointer(bytes), firstElement: chunk.elements.lowerBound,
      dtype: task.outputDType)
    let job = WriteJob(
      buffer: buffer, range: range, strip: chunk.strip.ordinal, shard: task.outputShard,
      offset: offset)
    try context.send(job, to: channel)
  }

  /// Tells what the strip adds to its tensor's sum.
  func end(_ strip: Strip) { ledger.didMerge(strip, sum: sum) }
}
