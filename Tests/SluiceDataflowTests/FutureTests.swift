import SluiceTestSupport
import Synchronization
import Testing

@testable import SluiceDataflow

/// Values that threads of their own make.
@Suite("futures")
struct FutureTests {
  @Test("a value is made beside what its asker does, and may be asked for more than once")
  func value() throws {
    let gate = Monitor(false)
    let future = try Future("value") {
      gate.wait { $0 ? 1 : nil }
    }
    gate.withLock { $0 = true }
    #expect(try future.value() == 1)
    #expect(try future.value() == 1)
  }

  @Test("what making it threw is thrown where it is asked for")
  func failure() throws {
    let future = try Future<Int>("failure") { throw CancelledError() }
    #expect(throws: CancelledError.self) { try future.value() }
  }

  @Test("a value that nobody asks for is made all the same before it is forgotten")
  func forgotten() throws {
    let counter = Counter()
    func forget() throws { _ = try Future("forgotten") { counter.add() } }
    try forget()
    #expect(counter.count == 1)
  }

  private final class Counter: Sendable {
    private let made = Atomic<Int>(0)

    var count: Int { made.load(ordering: .acquiring) }

    func add() { made.wrappingAdd(1, ordering: .releasing) }
  }
}
