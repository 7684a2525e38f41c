import Glibc
internal import SluiceDataflow
import Synchronization

/// Closed until it is opened once; threads stand before it until then.
final class Gate: Sendable {
  private let isOpen = Monitor(false)

  func open() { isOpen.withLock { $0 = true } }
  func pass() { isOpen.wait { $0 ? () : nil } }
  var hasOpened: Bool { isOpen.withLock { $0 } }
}

/// Values that threads left, in the order in which they came.
final class Collected<Value: Sendable>: Sendable {
  private let state = Monitor([Value]())

  func append(_ value: Value) { state.withLock { $0.append(value) } }
  var values: [Value] { state.withLock { $0 } }
}

/// Numbers cross edges as one byte each.
extension Int: EdgeElement {
  /// One.
  package var byteCount: Int { 1 }
}

/// An object that counts how many of its kind are alive.
final class Probe: EdgeElement {
  final class Census: Sendable {
    private let count = Atomic<Int>(0)
    var alive: Int { count.load(ordering: .acquiring) }
    func add(_ change: Int) { count.wrappingAdd(change, ordering: .acquiringAndReleasing) }
  }

  let number: Int
  var byteCount: Int { 1 }
  let lease: ByteLease?
  let buffer: PooledBuffer?
  private let census: Census

  init(_ number: Int, _ census: Census, lease: ByteLease? = nil, buffer: PooledBuffer? = nil) {
    self.number = number
    self.census = census
    self.lease = lease
    self.buffer = buffer
    census.add(1)
  }

  deinit { census.add(-1) }
}

/// An error that tests tell apart by its number.
struct NumberedError: Error, Hashable {
  let number: Int
}

/// Lets other threads run until something holds; what is awaited must be sure to come.
///
/// - Returns: Whether it came within a time that only a defect exceeds.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = MonotonicTime.now.advanced(by: .seconds(60))
  while MonotonicTime.now < deadline {
    if condition() { return true }
    sched_yield()
  }
  return false
}

/// Starts threads that run a body with their number.
func startThreads(
  _ count: Int, _ body: @escaping @Sendable (Int) -> Void
) throws -> [NamedThread] {
  try (0..<count).map { number in try NamedThread(name: "test-\(number)") { body(number) } }
}

/// Runs a body on so many threads and waits for all of them.
func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
  for thread in try startThreads(count, body) { thread.join() }
}
