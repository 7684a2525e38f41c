@testable import SluiceDataflow
import Glibc
import Testing

@Suite("Monitor") struct MonitorTests {
  @Test("changes from eight threads are not lost")
  func exclusion() throws {
    let monitor = Monitor(0)
    try runThreads(8) { _ in
      for _ in 0..<2_000 { monitor.withLock { $0 += 1 } }
    }
    #expect(monitor.withLock { $0 } == 16_000)
  }

  @Test("a wait ends when its condition holds")
  func waiting() throws {
    let monitor = Monitor(0)
    #expect(monitor.wait { $0 == 0 ? "at once" : nil } == "at once")
    let waiter = try NamedThread(name: "waiter") {
      #expect(monitor.wait { $0 == 2 ? "then" : nil } == "then")
    }
    #expect(eventually { monitor.waitingThreadCount == 1 })
    monitor.withLock { $0 = 1 }
    #expect(eventually { monitor.waitingThreadCount == 1 })
    monitor.withLock { $0 = 2 }
    waiter.join()
  }

  @Test("a wait with a deadline gives up after it, and not before")
  func deadline() {
    let monitor = Monitor(0)
    let start = MonotonicTime.now
    let deadline = start.advanced(by: .milliseconds(5))
    #expect(monitor.wait(before: deadline) { $0 == 1 ? true : nil } == nil)
    #expect(MonotonicTime.now >= deadline)
    #expect(monitor.wait(before: start) { $0 == 0 ? true : nil } == true)
  }

  @Test("a wait with a distant deadline ends when its condition holds")
  func wokenBeforeDeadline() throws {
    let monitor = Monitor(0)
    let waiter = try NamedThread(name: "waiter") {
      let distant = MonotonicTime.now.advanced(by: .seconds(100_000))
      #expect(monitor.wait(before: distant) { $0 == 1 ? true : nil } == true)
    }
    #expect(eventually { monitor.waitingThreadCount == 1 })
    monitor.withLock { $0 = 1 }
    waiter.join()
  }

  @Test("a change wakes those whom it may concern, and nobody else")
  func concerns() throws {
    // How often each waiter looked, and how many may go.
    struct State {
      var looks = [0, 0, 0, 0]
      var admitted = 0
    }
    let monitor = Monitor(State())
    let waiters = try startThreads(4) { number in
      let queue: Monitor<State>.Queue = number == 0 ? .first : .second
      monitor.wait(in: queue, waking: .all(.first)) { state -> Void? in
        state.looks[number] += 1
        guard state.admitted > 0 else { return nil }
        state.admitted -= 1
        return ()
      }
    }
    #expect(eventually { monitor.waitingThreadCount == 4 })
    monitor.wait(in: .first, waking: .one(.second)) { $0.admitted = 1 }
    #expect(eventually { monitor.waitingThreadCount == 3 })
    var state = State()
    monitor.change { now in
      state = now
      return false
    }
    // One of three, which in turn let the first look.
    #expect(state.looks[1...].reduce(0, +) == 4)
    #expect(state.admitted == 0)
    monitor.wait(in: .first, waking: .all(.second)) { $0.admitted = 2 }
    #expect(eventually { monitor.waitingThreadCount == 1 })
    monitor.withLock { $0.admitted = 1 }
    for waiter in waiters { waiter.join() }
    #expect(monitor.withLock { $0.looks[0] } >= 2)
  }

  @Test("what the body throws comes through, and the lock is open afterwards")
  func throwing() {
    let monitor = Monitor(1)
    #expect(throws: NumberedError(number: 3)) {
      try monitor.withLock { state in
        state = 2
        throw NumberedError(number: 3)
      }
    }
    #expect(monitor.withLock { $0 } == 2)
  }

  @Test("taking the lock twice on one thread traps instead of hanging")
  func notRecursive() async {
    await #expect(processExitsWith: .failure) {
      let monitor = Monitor(0)
      monitor.withLock { _ in monitor.wakeAll() }
    }
  }

  @Test(
    "a thread carries its name as far as the system has room",
    arguments: [
      ("read math", "read math"), ("a-name-that-is-too-long", "a-name-that-is-"),
      ("äöüäöüäöü", "äöüäöüä"),
    ])
  func threadName(name: String, shown: String) throws {
    let names = Collected<String>()
    let thread = try NamedThread(name: name) {
      var bytes = [UInt8](repeating: 0, count: 64)
      let file = open("/proc/thread-self/comm", O_RDONLY)
      let count = read(file, &bytes, bytes.count)
      close(file)
      names.append(String(decoding: bytes[..<max(0, count - 1)], as: UTF8.self))
    }
    thread.join()
    #expect(names.values == [shown])
    #expect(thread.name == name)
  }

  @Test("a thread has the stack it asked for")
  func stack() throws {
    // Deeper than the system's smallest stack, well within the default of 4 MiB.
    @Sendable func depth(_ rest: Int) -> Int {
      withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 1) { bytes in
        bytes[0] = UInt8(truncatingIfNeeded: rest)
        return rest == 0 ? Int(bytes[0]) : depth(rest - 1) + 1
      }
    }
    let depths = Collected<Int>()
    try runThreads(1) { _ in depths.append(depth(500)) }
    #expect(depths.values == [500])
  }

  @Test(
    "points in time are advanced to the nanosecond and stop at the end of the clock",
    arguments: [
      (0, .nanoseconds(1), 1), (5, .seconds(2), 2_000_000_005), (7, .zero, 7),
      (1, .milliseconds(200), 200_000_001), (1, .seconds(1 << 40), Int64.max),
      (Int64.max - 1, .nanoseconds(2), Int64.max),
    ] as [(Int64, Duration, Int64)])
  func time(start: Int64, step: Duration, end: Int64) {
    #expect(MonotonicTime(nanoseconds: start).advanced(by: step).nanoseconds == end)
  }
}
