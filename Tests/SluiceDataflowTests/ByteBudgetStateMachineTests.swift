@testable import SluiceDataflow
import Testing

@Suite("ByteBudgetStateMachine") struct ByteBudgetStateMachineTests {
  /// The machine as an object, so that calls can stand inside of expectations.
  final class Machine {
    private var rules: ByteBudgetStateMachine

    init(limit: Int) { rules = ByteBudgetStateMachine(limit: limit) }

    var leasedBytes: Int { rules.leasedBytes }
    var reservedBytes: Int { rules.reservedBytes }
    var freeBytes: Int { rules.freeBytes }
    func grant(_ byteCount: Int) -> Int? { rules.request(byteCount)?.granted }
    func ticket(_ byteCount: Int) -> ByteBudgetStateMachine.Ticket? {
      rules.request(byteCount)?.ticket
    }
    func isGranted(_ ticket: ByteBudgetStateMachine.Ticket) -> Bool { rules.isGranted(ticket) }
    func release(_ byteCount: Int) -> Int { rules.release(byteCount) }
    func reserve(_ byteCount: Int) -> Bool { rules.reserve(byteCount) }
    func endReservation(_ byteCount: Int) -> Int { rules.endReservation(byteCount) }
    func cancel() { rules.cancel() }
  }

  /// Requests, and how many of them are granted at once when 100 bytes are there.
  static let queues: [(requests: [Int], granted: Int, leased: Int)] = [
    ([], 0, 0), ([0], 1, 0), ([100], 1, 100), ([60, 40], 2, 100), ([60, 41], 1, 60),
    ([60, 50, 1], 1, 60), ([100, 0], 2, 100), ([100, 1, 0], 1, 100), ([99, 1, 1], 2, 100),
  ]

  @Test(
    "requests are granted from the front as far as they fit, and none overtakes", arguments: queues)
  func queue(_ requests: [Int], granted: Int, leased: Int) throws {
    let machine = Machine(limit: 100)
    let tickets = try requests.map { try #require(machine.ticket($0)) }
    #expect(tickets.map(machine.isGranted) == requests.indices.map { $0 < granted })
    #expect(machine.leasedBytes == leased)
    #expect(machine.freeBytes == 100 - leased)
  }

  @Test("a large request at the front is served before small ones behind it")
  func noStarvation() throws {
    let machine = Machine(limit: 100)
    #expect(machine.grant(30) == 30)
    #expect(machine.grant(30) == 30)
    let large = try #require(machine.ticket(90))
    let small = try #require(machine.ticket(10))
    let later = try #require(machine.ticket(1))
    #expect(machine.release(30) == 0)
    #expect(!machine.isGranted(large) && !machine.isGranted(small))
    #expect(machine.release(30) == 100)
    #expect(machine.isGranted(large) && machine.isGranted(small) && !machine.isGranted(later))
    #expect(machine.release(10) == 1)
    #expect(machine.isGranted(later))
  }

  @Test("a reservation takes from the limit, and gives back to who waits")
  func reservation() throws {
    let machine = Machine(limit: 100)
    #expect(machine.reserve(70))
    #expect(!machine.reserve(31))
    #expect(machine.reserve(30))
    #expect(machine.freeBytes == 0)
    #expect(machine.endReservation(30) == 0)
    #expect(machine.grant(20) == 20)
    let waiting = try #require(machine.ticket(30))
    #expect(!machine.isGranted(waiting))
    #expect(machine.endReservation(70) == 30)
    #expect(machine.isGranted(waiting))
    #expect(machine.reservedBytes == 0)
  }

  @Test("no reservation makes a waiting request impossible")
  func reservationAgainstWaiters() {
    let machine = Machine(limit: 100)
    #expect(machine.grant(40) == 40)
    #expect(machine.grant(80) == 0)
    #expect(!machine.reserve(21))
    #expect(machine.reserve(20))
  }

  @Test("after the end nobody is granted anything, and leases still come back")
  func cancelled() throws {
    let machine = Machine(limit: 100)
    #expect(machine.grant(80) == 80)
    let waiting = try #require(machine.ticket(50))
    machine.cancel()
    #expect(machine.grant(1) == nil)
    #expect(machine.release(80) == 0)
    #expect(!machine.isGranted(waiting))
    #expect(machine.leasedBytes == 0)
  }
}
