import SluiceCore
@testable import SluiceDataflow
import Synchronization
import Testing

@Suite("BufferPool") struct BufferPoolTests {
  @Test(
    "buffers are aligned, apart from each other, and of the size asked for",
    arguments: [(1, 1, nil), (3, 4_097, nil), (4, 100, 64), (3, 5_000, 65_536)]
      as [(Int, Int, Int?)])
  func layout(count: Int, byteCount: Int, alignment: Int?) throws {
    let pool = try BufferPool(
      count: count, byteCount: byteCount, alignment: alignment, cancellation: Cancellation())
    let buffers = try (0..<count).map { _ in try pool.take() }
    for (index, buffer) in buffers.enumerated() {
      #expect(buffer.bytes.count == byteCount)
      let address = UInt(bitPattern: buffer.bytes.baseAddress)
      #expect(address % UInt(alignment ?? 4_096) == 0)
      buffer.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(index + 1))
    }
    for (index, buffer) in buffers.enumerated() {
      #expect(buffer.bytes.allSatisfy { $0 == UInt8(index + 1) })
    }
  }

  @Test("a dropped buffer is the next to be taken, so that fresh ones stay untouched")
  func reuse() throws {
    let pool = try BufferPool(count: 3, byteCount: 16, cancellation: Cancellation())
    var first: PooledBuffer? = try pool.take()
    let address = first?.bytes.baseAddress
    #expect(pool.inUseCount == 1)
    first = nil
    #expect(pool.inUseCount == 0)
    let second = try pool.take()
    #expect(second.bytes.baseAddress == address)
    #expect(pool.bufferCount == 3)
    #expect(pool.bufferByteCount == 16)
  }

  @Test("what is given back is handed out again as it is, unless somebody else has it")
  func givingBack() throws {
    let pool = try BufferPool(count: 1, byteCount: 16, cancellation: Cancellation())
    let first = try pool.take()
    // Kept by nothing but the pool.
    weak let known = first
    PooledBuffer.giveBack(consume first)
    #expect(pool.inUseCount == 0)
    let second = try pool.take()
    #expect(known === second)
    PooledBuffer.giveBack(second)
    #expect(pool.inUseCount == 1)
    #expect(second.bytes.count == 16)
  }

  @Test("taking from an empty pool waits for a buffer")
  func waiting() throws {
    let pool = try BufferPool(count: 1, byteCount: 16, cancellation: Cancellation())
    var held: PooledBuffer? = try pool.take()
    let waiter = try NamedThread(name: "waiter") {
      #expect(throws: Never.self) { _ = try pool.take() }
    }
    #expect(eventually { pool.waitingThreadCount == 1 })
    #expect(held?.bytes.count == 16)
    held = nil
    waiter.join()
    #expect(pool.inUseCount == 0)
  }

  @Test("large pools begin with a large page")
  func largePages() throws {
    let pool = try BufferPool(count: 2, byteCount: 3 << 20, cancellation: Cancellation())
    let first = try pool.take()
    #expect(UInt(bitPattern: first.bytes.baseAddress) % (2 << 20) == 0)
  }

  @Test("takers are served in the order in which they came")
  func order() {
    var machine = BufferPoolStateMachine(count: 1)
    let (first, second, third) = (machine.enqueue(), machine.enqueue(), machine.enqueue())
    #expect(machine.take(second) == nil)
    #expect(machine.take(first) == 0)
    #expect(machine.take(second) == nil)
    machine.putBack(0)
    #expect(machine.take(third) == nil)
    #expect(machine.take(second) == 0)
    machine.putBack(0)
    #expect(machine.take(third) == 0)
    #expect(machine.inUseCount == 1)
  }

  @Test("a buffer outlives its pool")
  func lifetime() throws {
    var pool: BufferPool? = try BufferPool(count: 2, byteCount: 64, cancellation: Cancellation())
    let buffer = try #require(try pool?.take())
    let kept = try #require(try pool?.take())
    weak let known = kept
    PooledBuffer.giveBack(consume kept)
    #expect(known != nil)
    pool = nil
    #expect(known == nil)
    buffer.bytes.initializeMemory(as: UInt8.self, repeating: 9)
    #expect(buffer.bytes[63] == 9)
    weak let last = buffer
    PooledBuffer.giveBack(consume buffer)
    #expect(last == nil)
  }

  @Test("too large a pool is refused with the system's error")
  func tooLarge() {
    for byteCount in [1 << 60, Int.max] {
      let error = #expect(throws: DataflowError.self) {
        try BufferPool(count: 4, byteCount: byteCount, cancellation: Cancellation())
      }
      #expect(error?.failure.systemError == 12)
      #expect(error?.failure.exitCode == .inputOutput)
    }
  }

  @Test("no buffer is in two hands when eight threads share three")
  func stress() throws {
    let pool = try BufferPool(count: 3, byteCount: 64, cancellation: Cancellation())
    try runThreads(8) { number in
      do {
        for round in 0..<500 {
          let buffer = try pool.take()
          buffer.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(number))
          #expect(buffer.bytes.allSatisfy { $0 == UInt8(number) })
          if round.isMultiple(of: 2) { PooledBuffer.giveBack(consume buffer) }
        }
      } catch { Issue.record(error) }
    }
    #expect(pool.inUseCount == 0)
  }
}
