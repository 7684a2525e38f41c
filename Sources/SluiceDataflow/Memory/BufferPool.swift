/// A fixed number of equally large buffers that are made once and used again and again.
package final class BufferPool: Sendable {
  /// How many buffers there are.
  package let bufferCount: Int
  /// The size of each.
  package let bufferByteCount: Int

  private let cancellation: Cancellation
  private let storage: BufferStorage
  private let monitor: Monitor<BufferPoolStateMachine>
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
    storage = try BufferStorage(
      count: count, byteCount: byteCount, alignment: alignment ?? BufferStorage.pageByteCount)
    let monitor = Monitor(BufferPoolStateMachine(count: count))
    self.monitor = monitor
    registration = cancellation.onCancel { monitor.wakeAll() }
  }

  /// How many buffers are out.
  var inUseCount: Int { monitor.withLock { $0.inUseCount } }

  /// How many threads are waiting for buffers now.
  var waitingThreadCount: Int { monitor.waitingThreadCount }

  /// Takes a buffer, and waits for one if need be; what it holds is left over from its last use.
  package func take() throws(CancelledError) -> PooledBuffer {
    try cancellation.check()
    let ticket = monitor.withLock { $0.enqueue() }
    let index: Int? = monitor.wait { state in
      if cancellation.isCancelled { return .some(nil) }
      return state.take(ticket).map { .some($0) }
    }
    guard let index else { throw CancelledError() }
    return unsafe PooledBuffer(index, bytes: storage.bytes(at: index), pool: self)
  }

  fileprivate func putBack(_ index: Int) { monitor.withLock { $0.putBack(index) } }
}

/// A buffer taken from a ``BufferPool``; it goes back when the last reference is dropped.
@safe package final class PooledBuffer: @unchecked Sendable {
  // Safe to hand from thread to thread: a buffer is in use by one chunk at a time, and a chunk by
  // one node at a time; channels order what one node wrote before what the next one reads.

  /// The memory; valid as long as the buffer is kept, and written by one thread at a time.
  @unsafe package let bytes: UnsafeMutableRawBufferPointer
  private let index: Int
  private let pool: BufferPool

  fileprivate init(_ index: Int, bytes: UnsafeMutableRawBufferPointer, pool: BufferPool) {
    self.index = index
    unsafe self.bytes = unsafe bytes
    self.pool = pool
  }

  deinit { pool.putBack(index) }
}
