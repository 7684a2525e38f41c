/// The rules of a ``ByteBudget``, without its lock: who gets how many bytes, and when.
///
/// Requests are granted strictly in the order in which they came. A large one at the front
/// therefore waits until enough is free, while nothing after it can overtake and starve it.
struct ByteBudgetStateMachine: Sendable {
  /// The place of a request in the order of all requests.
  struct Ticket: Sendable, Hashable {
    fileprivate let number: Int
  }

  let limit: Int
  private(set) var leasedBytes = 0
  private(set) var reservedBytes = 0
  private var waiting: [Int] = []
  private var grantedCount = 0
  private(set) var isCancelled = false

  init(limit: Int) {
    precondition(limit >= 0, "a limit is not negative")
    self.limit = limit
  }

  /// What neither leases nor reservations hold.
  var freeBytes: Int { limit - leasedBytes - reservedBytes }

  /// Puts a request at the end of the queue, and grants what can be granted.
  ///
  /// Traps if the request could never be granted.
  ///
  /// - Parameter byteCount: How much is asked for.
  /// - Returns: The place of the request, and how many bytes were granted to whomever; nil if no
  ///   request is granted any more.
  mutating func request(_ byteCount: Int) -> (ticket: Ticket, granted: Int)? {
    precondition(byteCount >= 0, "a lease is not negative")
    precondition(
      byteCount <= limit - reservedBytes,
      "a lease of \(byteCount) bytes can never fit into a budget of \(limit - reservedBytes)")
    if isCancelled { return nil }
    let ticket = Ticket(number: grantedCount + waiting.count)
    waiting.append(byteCount)
    return (ticket, grant())
  }

  func isGranted(_ ticket: Ticket) -> Bool { ticket.number < grantedCount }

  /// Takes a lease back, and grants what can be granted then.
  ///
  /// - Parameter byteCount: The size of the lease.
  /// - Returns: How many bytes were granted to whomever.
  mutating func release(_ byteCount: Int) -> Int {
    precondition(byteCount <= leasedBytes, "more bytes come back than were leased")
    leasedBytes -= byteCount
    return grant()
  }

  /// Sets bytes aside for a sub-budget, if they are free and no waiting request needs them.
  mutating func reserve(_ byteCount: Int) -> Bool {
    precondition(byteCount >= 0, "a reservation is not negative")
    let largest = waiting.max() ?? 0
    guard byteCount <= freeBytes, largest <= limit - reservedBytes - byteCount else { return false }
    reservedBytes += byteCount
    return true
  }

  /// Takes back what was set aside, and grants what can be granted then.
  ///
  /// - Parameter byteCount: How many bytes.
  /// - Returns: How many bytes were granted to whomever.
  mutating func endReservation(_ byteCount: Int) -> Int {
    precondition(byteCount <= reservedBytes, "more bytes come back than were reserved")
    reservedBytes -= byteCount
    return grant()
  }

  /// Forgets all waiting requests, and takes no further ones.
  mutating func cancel() {
    isCancelled = true
    waiting = []
  }

  private mutating func grant() -> Int {
    var granted = 0
    // The queue is as long as there are threads, so moving it up costs nothing that matters.
    while let first = waiting.first, first <= freeBytes {
      waiting.removeFirst()
      leasedBytes += first
      granted += first
      grantedCount += 1
    }
    return granted
  }
}
