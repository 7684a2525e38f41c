/// The rules of a ``BoundedChannel``, without its lock: a ring of elements that opens and closes.
///
/// The ring grows to what it ever held: small elements are many.
struct BoundedChannelStateMachine<Element: EdgeElement>: Sendable {
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

  let byteBound: Int
  private var ring: [Element?] = [nil, nil]
  private var first = 0
  private(set) var count = 0
  /// What the elements inside hold.
  private(set) var heldByteCount = 0
  private(set) var peakByteCount = 0
  private(set) var sentCount = 0
  private(set) var sentByteCount = 0
  private(set) var isClosed = false
  private(set) var isAbandoned = false

  init(byteBound: Int) {
    precondition(byteBound > 0, "a channel holds at least one byte")
    self.byteBound = byteBound
  }

  /// Moves an element into the channel if it is open and has room.
  mutating func send(_ element: inout Element?) -> SendOutcome {
    if isAbandoned { return .abandoned }
    if isClosed { return .closed }
    guard let held = element?.heldByteCount, let brought = element?.byteCount else {
      preconditionFailure("there is an element to send")
    }
    if count > 0, heldByteCount + held > byteBound { return .full }
    if count == ring.count { grow() }
    swap(&ring[(first + count) % ring.count], &element)
    count += 1
    sentCount += 1
    sentByteCount += brought
    heldByteCount += held
    peakByteCount = max(peakByteCount, heldByteCount)
    return .accepted
  }

  /// Moves the oldest element out of the channel.
  mutating func receive() -> ReceiveOutcome {
    guard let element = ring[first].take() else { return isClosed ? .finished : .empty }
    first = (first + 1) % ring.count
    count -= 1
    heldByteCount -= element.heldByteCount
    return .element(element)
  }

  /// Notes that no further element will be sent.
  mutating func close() {
    isClosed = true
  }

  /// Notes that nobody will receive any more.
  ///
  /// - Returns: The elements that were left, for the caller to drop once the lock is open.
  mutating func abandon() -> [Element] {
    isAbandoned = true
    let left = inOrder
    ring = [nil, nil]
    first = 0
    count = 0
    heldByteCount = 0
    return left
  }

  private var inOrder: [Element] { (0..<count).compactMap { ring[(first + $0) % ring.count] } }

  private mutating func grow() {
    let elements = inOrder
    ring = elements + Array(repeating: nil, count: elements.count)
    first = 0
  }
}
