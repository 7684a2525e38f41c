/// The rules of a ``BoundedChannel``, without its lock: a ring of elements that opens and closes.
struct BoundedChannelStateMachine<Element: Sendable>: Sendable {
  /// What became of an attempt to send.
  enum SendOutcome: Sendable, Hashable {
    /// The element is in the channel.
    case accepted
    /// There is no room now.
    case full
    /// The channel was closed, so that nobody may send.
    case closed
    /// Nobody will ever receive.
    case abandoned
  }

  /// What became of an attempt to receive.
  enum ReceiveOutcome: Sendable {
    /// The oldest element, which is no longer in the channel.
    case element(Element)
    /// There is no element now.
    case empty
    /// There is no element, and none will come.
    case finished
  }

  let capacity: Int
  private var ring: [Element?]
  private var first = 0
  private(set) var count = 0
  private(set) var peakCount = 0
  private(set) var receivedCount = 0
  private(set) var sentCount = 0
  private(set) var isClosed = false
  private(set) var isAbandoned = false
  private var openSenderCount: Int

  init(capacity: Int, senderCount: Int = 1) {
    precondition(capacity > 0, "a channel holds at least one element")
    precondition(senderCount > 0, "a channel has at least one sender")
    self.capacity = capacity
    openSenderCount = senderCount
    ring = Array(repeating: nil, count: capacity)
  }

  /// Moves an element into the channel if it is open and has room.
  mutating func send(_ element: inout Element?) -> SendOutcome {
    if isAbandoned { return .abandoned }
    if isClosed { return .closed }
    if count == capacity { return .full }
    let last = (first + count) % capacity
    swap(&ring[last], &element)
    count += 1
    sentCount += 1
    peakCount = max(peakCount, count)
    return .accepted
  }

  /// Moves the oldest element out of the channel.
  mutating func receive() -> ReceiveOutcome {
    guard let element = ring[first].take() else { return isClosed ? .finished : .empty }
    first = (first + 1) % capacity
    count -= 1
    receivedCount += 1
    return .element(element)
  }

  /// Notes that no further element will be sent.
  mutating func close() {
    isClosed = true
  }

  /// Notes that one of the senders has finished; the last one closes the channel.
  mutating func finishSender() {
    openSenderCount -= 1
    if openSenderCount <= 0 { isClosed = true }
  }

  /// Notes that nobody will receive any more.
  ///
  /// - Returns: The elements that were left, for the caller to drop once the lock is open.
  mutating func abandon() -> [Element] {
    isAbandoned = true
    let left = (0..<count).compactMap { ring[(first + $0) % capacity] }
    ring = Array(repeating: nil, count: capacity)
    first = 0
    count = 0
    return left
  }
}
