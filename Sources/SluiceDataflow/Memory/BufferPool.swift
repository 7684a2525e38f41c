/// A fixed number of equally large buffers that are made once and used again and again.
package final class BufferPool: Sendable {
  /// How many buffers there are.
  package let bufferCount: Int
  /// The size of each.
  package let bufferByteCount: Int

  private let cancellation: Cancellation
  private let shelf: BufferShelf
  private let registration: CancellationRegistration

  /// Makes all buffers; their pages take memory when they are first touched.
  ///
  /// - Parameters:
  ///   - count: How many buffers, at least one.
  ///   - byteCount: The size of each, at least one.
  ///   - alignment: What the address of each is a multiple of, a power of two; a page by default.
  ///   - cancellation: What ends all waiting.
  /// - Throws: ``DataflowError`` if the system has no memory left.
  package init(
    count: Int, byteCount: Int, alignment: Int? = nil, cancellation: Cancellation
  ) throws(DataflowError) {
    bufferCount = count
    bufferByteCount = byteCount
    self.cancellation = cancellation
    let storage = try BufferStorage(
      count: count, byteCount: byteCount, alignment: alignment ?? BufferStorage.pageByteCount)
    let shelf = BufferShelf(storage, count: count)
    self.shelf = shelf
    registration = cancellation.onCancel { shelf.monitor.wakeAll() }
  }

  deinit { shelf.close() }

  /// How many buffers are out.
  var inUseCount: Int { shelf.monitor.withLock { $0.machine.inUseCount } }

  /// How many threads are waiting for buffers now.
  var waitingThreadCount: Int { shelf.monitor.waitingThreadCount }

  /// Takes a buffer, and waits for one if need be; what it holds is left over from its last use.
  package func take() throws(CancelledError) -> PooledBuffer {
    try cancellation.check()
    let ticket = shelf.monitor.withLock { $0.machine.enqueue() }
    let taken: (index: Int, buffer: PooledBuffer?)? = shelf.monitor.wait { state in
      if cancellation.isCancelled { return .some(nil) }
      return state.machine.take(ticket).map { .some(($0, state.kept[$0].take())) }
    }
    guard let (index, buffer) = taken else { throw CancelledError() }
    return buffer ?? PooledBuffer(index, of: shelf)
  }
}

/// Where the buffers of a pool lie that are not out, and what those come back to that are.
private final class BufferShelf: Sendable {
  struct State {
    var machine: BufferPoolStateMachine
    /// By its position what was given back of a buffer, to be handed out again as it is.
    var kept: [PooledBuffer?]
    /// Whether the pool is gone, so that nobody takes any more.
    var isClosed = false
  }

  let storage: BufferStorage
  let monitor: Monitor<State>

  init(_ storage: BufferStorage, count: Int) {
    self.storage = storage
    monitor = Monitor(
      State(
        machine: BufferPoolStateMachine(count: count), kept: Array(repeating: nil, count: count)))
  }

  func putBack(_ index: Int) { monitor.withLock { $0.machine.putBack(index) } }

  /// Puts a buffer back and keeps it; false if nobody would take it again.
  func keep(_ buffer: PooledBuffer) -> Bool {
    monitor.withLock { state in
      guard !state.isClosed else { return false }
      state.kept[buffer.index] = buffer
      state.machine.putBack(buffer.index)
      return true
    }
  }

  /// Lets go what was given back: it refers to the shelf.
  func close() {
    let kept = monitor.withLock { state in
      state.isClosed = true
      defer { state.kept = [] }
      return state.kept
    }
    for buffer in kept { buffer?.isShelved = true }
  }
}

/// A buffer taken from a ``BufferPool``; it goes back when the last reference is dropped.
@safe package final class PooledBuffer: @unchecked Sendable {
  // Safe to hand from thread to thread: a buffer is in use by one chunk at a time, and a chunk by
  // one node at a time; channels order what one node wrote before what the next one reads.

  /// The memory; valid as long as the buffer is kept, and written by one thread at a time.
  @unsafe package let bytes: UnsafeMutableRawBufferPointer
  fileprivate let index: Int
  private let shelf: BufferShelf
  /// Whether it lies there, and has nothing to put back.
  fileprivate var isShelved = false

  fileprivate init(_ index: Int, of shelf: BufferShelf) {
    self.index = index
    unsafe bytes = shelf.storage.bytes(at: index)
    self.shelf = shelf
  }

  deinit { if !isShelved { shelf.putBack(index) } }

  /// Puts a buffer back, as dropping it does, and nothing is allocated when it is taken again, unless somebody else has it, too.
  ///
  /// - Parameter buffer: The buffer, which the caller has no longer.
  package static func giveBack(_ buffer: consuming PooledBuffer) {
    var own = consume buffer
    guard isKnownUniquelyReferenced(&own) else { return }
    _ = own.shelf.keep(own)
  }
}
