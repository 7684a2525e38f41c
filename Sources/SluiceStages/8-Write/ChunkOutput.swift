internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats

/// Where a lane puts its merged chunks: lets each be written after the last in a buffer, adds its
/// bytes to the tensor's sum, and sends a buffer that is full to the writer.
///
/// Small tensors that lie one after the other share a buffer.
package final class ChunkOutput {
  /// What is worth writing at once: quarters of it took a pass that writes a quarter more time.
  package static let preferredByteCount = 1 << 20
  /// The same where elements go to places of their own: a line is as long as there are rows.
  package static let scatteredByteCount = 8 << 20
  /// What a buffer holds beyond a chunk, so that bytes lie at the same position within a page in
  /// memory as in the file, as direct writing wants it.
  package static let alignmentSlack = ShardLayout.alignment

  private let context: NodeContext
  private let pool: BufferPool
  private let channel: BoundedChannel<WriteJob>
  private let ledger: StripLedger
  private var sum = BlockSum()
  /// The strips of the run at hand that the lane is through with.
  private var merged: [StripLedger.Finished] = []
  /// What the chunks since the last write have filled.
  private var filling: WriteJob?

  /// Makes the output of one lane.
  package init(
    context: NodeContext, pool: BufferPool, channel: BoundedChannel<WriteJob>, ledger: StripLedger
  ) {
    self.context = context
    self.pool = pool
    self.channel = channel
    self.ledger = ledger
  }

  /// Prepares for a strip.
  func begin(_ strip: Strip) { sum = BlockSum() }

  /// Makes room for the merged bytes of a chunk, after those of the chunk before.
  ///
  /// - Parameters:
  ///   - chunk: The chunk.
  ///   - byteCount: The number of merged bytes.
  /// - Returns: The room; all of it is to be filled before it is committed.
  /// - Throws: `CancelledError` if the run was cancelled while all buffers were in use.
  func reserve(_ chunk: Chunk, byteCount: Int) throws -> OutputRoom {
    guard byteCount > 0 else { return .none }
    let task = chunk.strip.task
    let job =
      try room(for: byteCount, of: chunk.strip, chunk.elements.lowerBound)
      ?? begin(chunk.strip, task, chunk.elements.lowerBound)
    filling = job
    let start = job.range.upperBound
    // SAFETY: the pool's buffers hold a whole chunk after the longest lead, and there is room.
    return unsafe OutputRoom(
      bytes: UnsafeMutableRawBufferPointer(
        rebasing: job.buffer.bytes[start..<(start + byteCount)]))
  }

  /// Lets the bytes of a chunk be written.
  ///
  /// - Parameters:
  ///   - room: Where they are: what was reserved last.
  ///   - chunk: The chunk.
  func commit(_ room: OutputRoom, of chunk: Chunk) {
    guard unsafe !room.bytes.isEmpty else { return }
    unsafe sum.add(
      UnsafeRawBufferPointer(room.bytes), firstElement: chunk.elements.lowerBound,
      dtype: chunk.strip.task.outputDType)
    unsafe filling?.add(room.bytes.count, of: chunk.strip.ordinal)
  }

  /// The buffer that is being filled, if the bytes go after what is in it, and fit.
  private func room(for byteCount: Int, of strip: Strip, _ element: Int) throws -> WriteJob? {
    guard let job = filling else { return nil }
    let isFull = unsafe job.range.upperBound + byteCount > job.buffer.bytes.count
    if isFull || !job.goesOn(with: strip, element) { try send() }
    return filling
  }

  private func begin(_ strip: Strip, _ task: TensorTask, _ element: Int) throws -> WriteJob {
    let width = task.outputDType.byteCount ?? 1
    if let view = task.outputView {
      return WriteJob(
        buffer: try context.take(from: pool), range: 0..<0,
        shard: task.outputShard, offset: task.outputOffset,
        scattering: WriteJob.Scattering(view: view, firstElement: element, width: width))
    }
    let offset = task.outputOffset + element * width
    let lead = offset % ShardLayout.alignment
    return WriteJob(
      buffer: try context.take(from: pool), range: lead..<lead,
      shard: task.outputShard, offset: offset)
  }

  private func send() throws {
    guard let job = filling.take() else { return }
    try context.send(job, to: channel)
  }

  /// Notes what the strip adds to its tensor's sum.
  ///
  /// With the last of a run it sends what is left of that, and tells of all of its strips.
  func end(_ strip: Strip) throws {
    merged.append((strip, sum))
    guard strip.endsRun else { return }
    try send()
    ledger.didMerge(merged)
    merged.removeAll(keepingCapacity: true)
  }
}

extension WriteJob {
  /// Whether an element of a strip goes right after what is there.
  fileprivate func goesOn(with strip: Strip, _ element: Int) -> Bool {
    if strip.ordinal == strips.last?.strip { return true }
    let task = strip.task
    return scattering == nil && task.outputView == nil && shard == task.outputShard
      && offset + range.count == task.outputOffset + element * (task.outputDType.byteCount ?? 1)
  }
}

/// Where the merged bytes of a chunk go.
@safe struct OutputRoom {
  /// The bytes, in the buffer that the writer gets.
  @unsafe let bytes: UnsafeMutableRawBufferPointer

  /// No room at all.
  static var none: OutputRoom {
    unsafe OutputRoom(bytes: UnsafeMutableRawBufferPointer(start: nil, count: 0))
  }
}
