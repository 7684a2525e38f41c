import SluiceCore
@testable import SluiceDataflow
import Testing

@Suite("ByteBudget") struct ByteBudgetTests {
  @Test("bytes come back when the lease is dropped or released, and only once")
  func leases() throws {
    let budget = ByteBudget(limit: 100, cancellation: Cancellation())
    var first: ByteLease? = try budget.acquire(60)
    let second = try budget.acquire(40)
    #expect(first?.byteCount == 60)
    #expect(budget.leasedBytes == 100)
    second.release()
    second.release()
    #expect(budget.leasedBytes == 60)
    first = nil
    #expect(budget.leasedBytes == 0)
    #expect(budget.peakBytes == 100)
    #expect(try budget.acquire(100).byteCount == 100)
    #expect(budget.blockedSeconds == 0)
  }

  @Test("a lease that does not fit waits for the bytes it needs")
  func waiting() throws {
    let budget = ByteBudget(limit: 100, cancellation: Cancellation())
    let first = try budget.acquire(70)
    let waiter = try NamedThread(name: "waiter") {
      #expect(throws: Never.self) { _ = try budget.acquire(31) }
    }
    #expect(eventually { budget.waitingThreadCount == 1 })
    #expect(budget.leasedBytes == 70)
    first.release()
    waiter.join()
    #expect(budget.leasedBytes == 0)
    #expect(budget.peakBytes == 70)
    #expect(budget.blockedSeconds > 0)
  }

  @Test("a small request does not overtake a large one")
  func fairness() throws {
    let budget = ByteBudget(limit: 100, cancellation: Cancellation())
    let first = try budget.acquire(60)
    let large = try NamedThread(name: "large") {
      #expect(throws: Never.self) { _ = try budget.acquire(90) }
    }
    #expect(eventually { budget.waitingThreadCount == 1 })
    let small = try NamedThread(name: "small") {
      #expect(throws: Never.self) { _ = try budget.acquire(20) }
    }
    #expect(eventually { budget.waitingThreadCount == 2 })
    #expect(budget.leasedBytes == 60)
    first.release()
    large.join()
    small.join()
    #expect(budget.peakBytes == 90)
  }

  @Test("a lease larger than the budget traps")
  func tooLarge() async {
    await #expect(processExitsWith: .failure) {
      _ = try ByteBudget(limit: 100, cancellation: Cancellation()).acquire(101)
    }
    await #expect(processExitsWith: .failure) {
      let budget = ByteBudget(limit: 100, cancellation: Cancellation())
      let part = try budget.reserve(50)
      _ = try budget.acquire(51)
      _ = part
    }
  }

  @Test("users of a sub-budget are not held up by users of the rest")
  func subBudgets() throws {
    let root = ByteBudget(limit: 100, cancellation: Cancellation())
    let left = try root.reserve(40)
    let right = try root.reserve(30)
    #expect(root.reservedBytes == 70)
    let ofRoot = try root.acquire(30)
    let ofLeft = try left.acquire(40)
    let ofRight = try right.acquire(10)
    #expect((root.leasedBytes, left.leasedBytes, right.leasedBytes) == (80, 40, 10))
    ofRoot.release()
    ofLeft.release()
    let again = try right.acquire(20)
    #expect((root.leasedBytes, root.peakBytes) == (30, 80))
    #expect((left.peakBytes, right.peakBytes) == (40, 30))
    again.release()
    ofRight.release()
    #expect(root.leasedBytes == 0)
  }

  @Test("a sub-budget goes back with its last lease, and who waits then gets the bytes")
  func reservationEnds() throws {
    let root = ByteBudget(limit: 100, cancellation: Cancellation())
    let held = try root.acquire(20)
    let waiter = try NamedThread(name: "waiter") {
      do {
        let inner = try root.reserve(40)
        let lease = try inner.acquire(40)
        #expect(root.reservedBytes == 40)
        withExtendedLifetime((inner, lease)) {}
      } catch { Issue.record(error) }
    }
    waiter.join()
    #expect(root.reservedBytes == 0)
    var part: ByteBudget? = try root.reserve(60)
    var lease: ByteLease? = try part?.acquire(5)
    part = nil
    #expect(root.reservedBytes == 60)
    #expect(lease?.byteCount == 5)
    lease = nil
    #expect(root.reservedBytes == 0)
    #expect(root.leasedBytes == 20)
    held.release()
    #expect(root.leasedBytes == 0)
  }

  @Test("a sub-budget may have sub-budgets")
  func nesting() throws {
    let root = ByteBudget(limit: 100, cancellation: Cancellation())
    let middle = try root.reserve(50)
    let leaf = try middle.reserve(20)
    let lease = try leaf.acquire(20)
    #expect((root.leasedBytes, middle.leasedBytes, leaf.leasedBytes) == (20, 20, 20))
    lease.release()
    #expect((root.peakBytes, middle.peakBytes, leaf.peakBytes) == (20, 20, 20))
  }

  @Test("a reservation that is not free is refused as a defect of the plan")
  func reservationRefused() throws {
    let root = ByteBudget(limit: 100, cancellation: Cancellation())
    let lease = try root.acquire(30)
    let error = #expect(throws: DataflowError.self) { try root.reserve(71) }
    #expect(error?.failure.exitCode == .internal)
    #expect(root.reservedBytes == 0)
    lease.release()
  }

  @Test("the sum of all leases stays below the limit when eight threads compete")
  func stress() throws {
    let root = ByteBudget(limit: 1_000, cancellation: Cancellation())
    let parts = [root, try root.reserve(300), try root.reserve(200)]
    try runThreads(8) { number in
      let budget = parts[number % 3]
      do {
        for round in 0..<400 {
          let lease = try budget.acquire((round * 37 + number * 11) % 200 + 1)
          #expect(root.leasedBytes >= lease.byteCount)
          #expect(root.leasedBytes <= 1_000)
        }
      } catch { Issue.record(error) }
    }
    #expect(root.leasedBytes == 0)
    #expect((200...1_000).contains(root.peakBytes))
    #expect(parts[1].peakBytes <= 300)
    #expect(parts[2].peakBytes <= 200)
  }
}
