internal import SluiceCore
package import SluiceDataflow
internal import SluiceFormats

/// Frames on their way to the spill, or the end of a strip's.
///
/// Dropping it gives the buffer back.
package struct FrameJob: EdgeElement {
  /// The buffer that holds the frames; nil at the end of a strip.
  let buffer: PooledBuffer?
  /// How many of its bytes are frames.
  package let byteCount: Int
  /// Where they go in the file.
  let offset: Int
  /// The strip that they belong to.
  let strip: Strip
  /// Where the strip's frames are, model by model, once all of them were sent.
  let tables: [FrameTable]
  /// Whether all of them are in the file.
  var isInFile: Bool {
    tables.allSatisfy { $0.frames.allSatisfy { !HeldFrames.isHeld($0.offset) } }
  }

  package var heldByteCount: Int { buffer.map { unsafe $0.bytes.count } ?? 0 }

  package consuming func giveBack() {
    let buffer = buffer
    _ = consume self
    if let buffer { PooledBuffer.giveBack(buffer) }
  }
}

/// Where a lane puts its frames: collects them in buffers and sends these to the writer.
package final class FrameOutput {
  /// The bytes of a buffer: frames of most weights are a tenth of the longest, so it holds a few.
  package static let bufferByteCount = 1 << 21

  private let context: NodeContext
  private let pool: BufferPool
  private let channel: BoundedChannel<FrameJob>
  private let store: SpillStore
  private let byteLimit: Int
  private var buffer: PooledBuffer?
  private var used = 0
  private var waiting: [(model: Int, entry: FrameTable.Entry)] = []
  private var tables: [FrameTable] = []
  private var isAbandoned = false

  /// Makes the output of one lane.
  ///
  /// - Parameters:
  ///   - context: The node of the lane.
  ///   - pool: The buffers, shared by all lanes.
  ///   - channel: The way to the writer.
  ///   - store: The spill.
  ///   - byteLimit: How long its file may become; strips that do not fit are read again instead.
  package init(
    context: NodeContext, pool: BufferPool, channel: BoundedChannel<FrameJob>, store: SpillStore,
    byteLimit: Int
  ) {
    precondition(pool.bufferByteCount >= FrameOutput.bufferByteCount)
    self.context = context
    self.pool = pool
    self.channel = channel
    self.store = store
    self.byteLimit = byteLimit
  }

  /// Prepares for a strip.
  func begin(modelCount: Int) {
    tables = Array(
      repeating: FrameTable(minimumMagnitudeBits: 0, frames: []), count: modelCount)
    isAbandoned = false
  }

  /// Takes up a frame.
  func append(
    model: Int, _ dtype: DType, _ strip: Strip, _ fill: (UnsafeMutableRawBufferPointer) -> Int
  ) throws {
    if FrameOutput.bufferByteCount - used < Frame.byteLimit(dtype) { try flush(strip) }
    let target = try buffer ?? context.take(from: pool)
    buffer = target
    // SAFETY: the buffer is this lane's, and has room for the longest frame.
    let count = unsafe fill(UnsafeMutableRawBufferPointer(rebasing: target.bytes[used...]))
    waiting.append((model, FrameTable.Entry(offset: used, byteCount: count)))
    used += count
  }

  /// Notes that a model has no elements in a frame's place.
  func appendNothing(model: Int) {
    waiting.append((model, FrameTable.Entry(offset: used, byteCount: 0)))
  }

  /// Sends what is left of a strip, and that it is whole.
  ///
  /// - Parameters:
  ///   - strip: The strip.
  ///   - floors: For each model the pattern from which on every magnitude was kept.
  /// - Throws: `CancelledError` if the run was cancelled.
  func end(_ strip: Strip, floors: [UInt32]) throws {
    try flush(strip)
    guard !isAbandoned else { return }
    for (model, floor) in floors.enumerated() { tables[model].minimumMagnitudeBits = floor }
    try context.send(
      FrameJob(buffer: nil, byteCount: 0, offset: 0, strip: strip, tables: tables), to: channel)
  }

  private func flush(_ strip: Strip) throws {
    defer {
      waiting.removeAll(keepingCapacity: true)
      used = 0
    }
    // What is held is a copy, and the buffer used again.
    if let buffer {
      // SAFETY: so many bytes of the buffer were filled.
      let frames = unsafe UnsafeRawBufferPointer(rebasing: buffer.bytes[..<used])
      if let start = unsafe store.hold(frames) { return note(start) }
    }
    let written = store.writtenByteCount(used)
    guard !isAbandoned, let start = try store.allocate(written, limit: byteLimit) else {
      isAbandoned = true
      return
    }
    note(start)
    guard let buffer, used > 0 else { return }
    // SAFETY: the buffer is this lane's, and a whole number of pages long.
    unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[used..<written])
      .initializeMemory(as: UInt8.self, repeating: 0)
    let job = FrameJob(buffer: buffer, byteCount: written, offset: start, strip: strip, tables: [])
    // The writer gives it back as soon as it is written.
    self.buffer = nil
    try context.send(job, to: channel)
  }

  /// Notes where the frames are that waited.
  private func note(_ start: Int) {
    for (model, entry) in waiting {
      tables[model].frames.append(
        FrameTable.Entry(offset: start + entry.offset, byteCount: entry.byteCount))
    }
  }
}

/// Writes frames to the spill: one node, so that what a lane sends is written in order.
package struct SpillWriteStage: Sendable {
  private let store: SpillStore

  /// Makes the stage.
  package init(_ store: SpillStore) { self.store = store }

  /// Writes until the channel is closed.
  ///
  /// - Parameters:
  ///   - context: The node.
  ///   - channel: Where the frames come from.
  ///   - didWrite: Called with the number of bytes after each buffer.
  ///   - didEnd: Called when all frames of a strip are in the file, not of one of which some are held.
  /// - Throws: `FormatError` if the disk is full or fails, `CancelledError` if the run was cancelled.
  package func run(
    _ context: NodeContext, from channel: BoundedChannel<FrameJob>, didWrite: (Int) -> Void,
    didEnd: (Strip) -> Void
  ) throws {
    while let job = try context.receive(from: channel) {
      if let buffer = job.buffer {
        // SAFETY: the job owns the buffer, and says how much of it is frames.
        try unsafe store.write(
          UnsafeRawBufferPointer(rebasing: buffer.bytes[..<job.byteCount]), at: job.offset)
        context.count(bytes: job.byteCount)
        didWrite(job.byteCount)
      } else {
        for (model, table) in job.tables.enumerated() {
          try store.put(table, strip: job.strip.ordinal, model: model)
        }
        if job.isInFile { didEnd(job.strip) }
      }
      (consume job).giveBack()
    }
  }
}
