import Glibc
import SluiceCore
@testable import SluiceDataflow
import Synchronization
import Testing

@Suite("Cancellation") struct CancellationTests {
  @Test("the first error wins")
  func firstErrorWins() throws {
    let cancellation = Cancellation()
    #expect(!cancellation.isCancelled)
    try cancellation.check()
    try cancellation.throwFirstError()
    cancellation.cancel(NumberedError(number: 1))
    cancellation.cancel(NumberedError(number: 2))
    cancellation.stop(.signal(2))
    #expect(cancellation.isCancelled)
    #expect(cancellation.stopReason == nil)
    #expect(throws: CancelledError.self) { try cancellation.check() }
    #expect(throws: NumberedError(number: 1)) { try cancellation.throwFirstError() }
  }

  @Test("one error wins among many threads, and actions run once")
  func race() throws {
    for _ in 0..<100 {
      let cancellation = Cancellation()
      let gate = Gate()
      let actions = Collected<Int>()
      let registration = cancellation.onCancel { actions.append(1) }
      let seen = Collected<Int?>()
      let threads = try startThreads(6) { number in
        gate.pass()
        cancellation.cancel(NumberedError(number: number))
        seen.append((cancellation.error as? NumberedError)?.number)
      }
      gate.open()
      for thread in threads { thread.join() }
      #expect(Set(seen.values).count == 1)
      #expect(seen.values.first != .some(nil))
      #expect(actions.values == [1])
      withExtendedLifetime(registration) {}
    }
  }

  @Test(
    "a stop says who asked",
    arguments: [
      (.signal(2), .interrupted, "stopped by SIGINT"),
      (.signal(15), .terminated, "stopped by SIGTERM"),
      (.signal(1), .hungUp, "stopped by SIGHUP"),
      (.signal(64), .interrupted, "stopped by signal 64"),
      (.request("time is up"), .stopped, "stopped: time is up"),
    ] as [(StopReason, ExitCode, String)])
  func stop(reason: StopReason, exitCode: ExitCode, message: String) throws {
    let cancellation = Cancellation()
    cancellation.stop(reason)
    #expect(cancellation.stopReason == reason)
    let error = #expect(throws: DataflowError.self) { try cancellation.throwFirstError() }
    #expect(error?.failure.exitCode == exitCode)
    #expect(error?.failure.message == message)
    #expect(error?.failure.remedy == "Run the same command again to resume.")
  }

  @Test("an action runs in the order of registering, unless its registration was dropped")
  func registrations() {
    let cancellation = Cancellation()
    let actions = Collected<Int>()
    let first = cancellation.onCancel { actions.append(1) }
    var second: CancellationRegistration? = cancellation.onCancel { actions.append(2) }
    let third = cancellation.onCancel { actions.append(3) }
    withExtendedLifetime(second) {}
    second = nil
    cancellation.cancel(NumberedError(number: 1))
    #expect(actions.values == [1, 3])
    let late = cancellation.onCancel { actions.append(4) }
    #expect(actions.values == [1, 3, 4])
    withExtendedLifetime((first, third, late)) {}
  }

  @Test("every kind of waiter wakes at once")
  func wakesEveryWaiter() throws {
    let cancellation = Cancellation()
    let full = BoundedChannel<Int>(byteBound: 1, cancellation: cancellation, name: "full")
    try full.send(0)
    let empty = BoundedChannel<Int>(byteBound: 1, cancellation: cancellation, name: "empty")
    let pool = try BufferPool(count: 1, byteCount: 1, cancellation: cancellation)
    let buffer = try pool.take()
    let waits: [@Sendable () throws -> Void] = [
      { try full.send(1) }, { _ = try empty.receive() }, { _ = try pool.take() },
    ]
    let ended = Collected<Int>()
    let threads = try startThreads(waits.count * 2) { number in
      #expect(throws: CancelledError.self) { try waits[number % waits.count]() }
      ended.append(number)
    }
    #expect(
      eventually {
        [full.waitingThreadCount, empty.waitingThreadCount, pool.waitingThreadCount] == [2, 2, 2]
      })
    #expect(ended.values.isEmpty)
    cancellation.cancel(NumberedError(number: 1))
    for thread in threads { thread.join() }
    for wait in waits { #expect(throws: CancelledError.self) { try wait() } }
    #expect(full.count == 0)
    withExtendedLifetime(buffer) {}
  }

  @Test("elements inside a channel are dropped by the end of the run, not later")
  func dropsElements() throws {
    let cancellation = Cancellation()
    let census = Probe.Census()
    let budget = ByteBudget(limit: 10)
    let pool = try BufferPool(count: 2, byteCount: 8, cancellation: cancellation)
    let channel = BoundedChannel<Probe>(byteBound: 4, cancellation: cancellation, name: "probes")
    for number in 0..<2 {
      try channel.send(
        Probe(number, census, lease: try budget.acquire(5), buffer: try pool.take()))
    }
    #expect((census.alive, budget.leasedBytes, pool.inUseCount) == (2, 10, 2))
    cancellation.cancel(NumberedError(number: 1))
    #expect((census.alive, budget.leasedBytes, pool.inUseCount) == (0, 0, 0))
    #expect(throws: CancelledError.self) { try channel.receive() }
  }

  @Test("nothing keeps channels, budgets and pools alive once they are dropped")
  func noCycles() throws {
    let cancellation = Cancellation()
    let census = Probe.Census()
    weak var oldBudget: ByteBudget?
    weak var oldPool: BufferPool?
    do {
      let budget = ByteBudget(limit: 10)
      let pool = try BufferPool(count: 1, byteCount: 8, cancellation: cancellation)
      let channel = BoundedChannel<Probe>(byteBound: 1, cancellation: cancellation, name: "probes")
      try channel.send(Probe(1, census, lease: try budget.acquire(5), buffer: try pool.take()))
      oldBudget = budget
      oldPool = pool
      #expect(census.alive == 1)
    }
    #expect(census.alive == 0)
    #expect(oldBudget == nil)
    #expect(oldPool == nil)
    #expect(!cancellation.isCancelled)
  }
}
