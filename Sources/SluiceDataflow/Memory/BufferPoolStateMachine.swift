/// The rules of a ``BufferPool``, without its lock: which buffer goes to whom.
///
/// The buffer that came back last goes out first, since it is the likeliest to be in the cache and
/// untouched ones then stay untouched. Takers are served in the order in which they came.
struct BufferPoolStateMachine: Sendable {
  private var free: [Int]
  private var ticketCount = 0
  private var servedCount = 0
  private(set) var inUseCount = 0

  init(count: Int) { free = (0..<count).reversed() }

  /// Puts a taker at the end of the queue.
  mutating func enqueue() -> Int {
    defer { ticketCount += 1 }
    return ticketCount
  }

  /// Gives a buffer to a taker whose turn it is.
  ///
  /// - Parameter ticket: The taker's place.
  /// - Returns: The buffer, or nil if it is not the taker's turn or no buffer is there.
  mutating func take(_ ticket: Int) -> Int? {
    guard ticket == servedCount, let index = free.popLast() else { return nil }
    servedCount += 1
    inUseCount += 1
    return index
  }

  /// Takes a buffer back.
  mutating func putBack(_ index: Int) {
    precondition(inUseCount > 0, "more buffers come back than were taken")
    inUseCount -= 1
    free.append(index)
  }
}
