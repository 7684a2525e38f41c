import SluiceCore
@testable import SluiceDataflow
import Testing

@Suite("ByteBudget") struct ByteBudgetTests {
  @Test("bytes come back when the lease is dropped or released, and only once")
  func leases() throws {
    let budget = ByteBudget(limit: 100)
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
  }

  @Test("a lease that does not fit is refused, and takes nothing")
  func tooLarge() throws {
    let budget = ByteBudget(limit: 100)
    let first = try budget.acquire(70)
    let error = #expect(throws: DataflowError.self) { try budget.acquire(31) }
    #expect(error?.failure.exitCode == .internal)
    #expect(error?.failure.message.contains("31 bytes") == true)
    #expect(error?.failure.message.contains("30") == true)
    #expect((budget.leasedBytes, budget.peakBytes) == (70, 70))
    let rest = try budget.acquire(30)
    withExtendedLifetime((first, rest)) {}
  }

  @Test("eight threads never lease more than there is, and nothing is lost")
  func stress() throws {
    let budget = ByteBudget(limit: 800)
    try runThreads(8) { number in
      for round in 0..<2_000 {
        #expect(throws: Never.self) {
          let lease = try budget.acquire((round * 37 + number * 11) % 100 + 1)
          if round % 3 == 0 { lease.release() }
        }
      }
    }
    #expect(budget.leasedBytes == 0)
    #expect((100...800).contains(budget.peakBytes))
  }
}
