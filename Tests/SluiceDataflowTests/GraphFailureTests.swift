import SluiceCore
@testable import SluiceDataflow
import Testing

@Suite("Graph, when something fails") struct GraphFailureTests {
  /// A graph whose nodes all hang until one of them ends the run.
  struct Stuck {
    let graph = Graph()
    let census = Probe.Census()
    let budget: ByteBudget
    let pool: BufferPool
    let full: BoundedChannel<Probe>
    let empty: BoundedChannel<Probe>
    let ended = Collected<String>()

    init() throws {
      let cancellation = graph.cancellation
      budget = ByteBudget(limit: 10)
      pool = try BufferPool(count: 1, byteCount: 8, cancellation: cancellation)
      full = BoundedChannel(byteBound: 1, cancellation: cancellation, name: "full")
      empty = BoundedChannel(byteBound: 1, cancellation: cancellation, name: "empty")
      try full.send(
        Probe(0, census, lease: try budget.acquire(10), buffer: try pool.take()))
      let (pool, full, empty, census) = (pool, full, empty, census)
      add("sends") { try $0.send(Probe(1, census), to: full) }
      add("receives") { _ = try $0.receive(from: empty) }
      add("takes") { _ = try $0.take(from: pool) }
    }

    func add(
      _ name: String, _ body: @escaping @Sendable (NodeContext) throws -> Void
    ) {
      let ended = ended
      graph.add(name) { context in
        defer { ended.append(name) }
        try body(context)
      }
    }

    /// Tells whether all three nodes wait.
    var isStuck: @Sendable () -> Bool {
      { [pool, full, empty] in
        [full.waitingThreadCount, empty.waitingThreadCount, pool.waitingThreadCount] == [1, 1, 1]
      }
    }
  }

  @Test("a node that throws wakes all others, and the run throws its error")
  func nodeThrows() throws {
    for _ in 0..<20 {
      let stuck = try Stuck()
      let isStuck = stuck.isStuck
      stuck.add("fails") { _ in
        #expect(eventually(isStuck))
        throw NumberedError(number: 7)
      }
      #expect(throws: NumberedError(number: 7)) { try stuck.graph.run() }
      #expect(Set(stuck.ended.values) == ["sends", "receives", "takes", "fails"])
      #expect((stuck.census.alive, stuck.budget.leasedBytes, stuck.pool.inUseCount) == (0, 0, 0))
    }
  }

  @Test("a stop from outside ends a run in which every node waits")
  func stopFromOutside() throws {
    let stuck = try Stuck()
    let (cancellation, isStuck) = (stuck.graph.cancellation, stuck.isStuck)
    let watcher = try NamedThread(name: "watcher") {
      #expect(eventually(isStuck))
      cancellation.stop(.signal(2))
    }
    let error = #expect(throws: DataflowError.self) { try stuck.graph.run() }
    watcher.join()
    #expect(error?.failure.exitCode == .interrupted)
    #expect(cancellation.stopReason == .signal(2))
    #expect((stuck.census.alive, stuck.budget.leasedBytes, stuck.pool.inUseCount) == (0, 0, 0))
  }

  @Test("the first error wins over what it causes in other nodes")
  func consequences() throws {
    let graph = Graph()
    let channel = BoundedChannel<Int>(byteBound: 1, cancellation: graph.cancellation, name: "c")
    for number in 0..<4 {
      graph.add("wraps-\(number)") { context in
        do { _ = try context.receive(from: channel) } catch {
          throw NumberedError(number: number)
        }
      }
    }
    graph.add("fails") { _ in
      #expect(eventually { channel.waitingThreadCount == 4 })
      throw NumberedError(number: 99)
    }
    #expect(throws: NumberedError(number: 99)) { try graph.run() }
  }

  /// A channel that only notes whether the run was cancelled when it was closed or abandoned.
  final class WatchedChannel: GraphChannel {
    let name = "watched"
    let cancellation: Cancellation
    let seen = Collected<String>()

    init(_ cancellation: Cancellation) { self.cancellation = cancellation }

    var metrics: EdgeMetrics {
      BoundedChannel<Int>(byteBound: 1, cancellation: cancellation, name: name).metrics
    }

    func close() { seen.append("close, cancelled: \(cancellation.isCancelled)") }

    func abandon() -> Int {
      seen.append("abandon, cancelled: \(cancellation.isCancelled)")
      return 0
    }
  }

  @Test(
    "channels learn of a failure before they are closed, so that nobody takes it for a good end",
    arguments: [true, false])
  func failureIsNotTheEnd(fails: Bool) throws {
    let graph = Graph()
    let input = WatchedChannel(graph.cancellation)
    let output = WatchedChannel(graph.cancellation)
    graph.add("node", reads: [input], writes: [output]) { _ in
      if fails { throw NumberedError(number: 1) }
    }
    if fails {
      #expect(throws: NumberedError(number: 1)) { try graph.run() }
    } else {
      try graph.run()
    }
    #expect(output.seen.values == ["close, cancelled: \(fails)"])
    #expect(input.seen.values == ["abandon, cancelled: \(fails)"])
  }

  @Test("a sink that ends too early fails the run instead of hanging it", arguments: [0, 1, 5])
  func readersGone(received: Int) throws {
    let graph = Graph()
    let channel = BoundedChannel<Int>(
      byteBound: 2, cancellation: graph.cancellation, name: "numbers")
    graph.add("source", writes: [channel]) { context in
      for number in 0..<10 { try context.send(number, to: channel) }
    }
    graph.add("sink", reads: [channel]) { context in
      for _ in 0..<received { _ = try context.receive(from: channel) }
    }
    let error = #expect(throws: DataflowError.self) { try graph.run() }
    #expect(error?.failure.exitCode == .internal)
    #expect(error?.failure.message == "the readers of the channel numbers ended before its writers")
  }

  @Test("a sink may end without having seen the end of a channel that is empty")
  func readerCounts() throws {
    let graph = Graph()
    let channel = BoundedChannel<Int>(
      byteBound: 2, cancellation: graph.cancellation, name: "numbers")
    graph.add("source", writes: [channel]) { context in
      for number in 0..<3 { try context.send(number, to: channel) }
    }
    graph.add("sink", reads: [channel]) { context in
      for _ in 0..<3 { _ = try context.receive(from: channel) }
    }
    try graph.run()
  }

  @Test("a run that is cancelled before it starts runs no node")
  func cancelledBefore() throws {
    let graph = Graph()
    let ran = Collected<Int>()
    graph.add("node") { _ in ran.append(1) }
    graph.cancellation.cancel(NumberedError(number: 4))
    #expect(throws: NumberedError(number: 4)) { try graph.run() }
    #expect(ran.values.isEmpty)
  }

  @Test("whenever a run is cancelled, nothing is leaked and nobody hangs", arguments: 0..<8)
  func cancelledAnywhere(seed: Int) throws {
    for round in 0..<25 {
      let failingItem = (round * 31 + seed * 17) % 60
      let graph = Graph()
      let cancellation = graph.cancellation
      let census = Probe.Census()
      let budget = ByteBudget(limit: 8 * 12)
      let pool = try BufferPool(count: 3, byteCount: 8, cancellation: cancellation)
      let first = BoundedChannel<Probe>(byteBound: 2, cancellation: cancellation, name: "first")
      let second = BoundedChannel<Probe>(byteBound: 1, cancellation: cancellation, name: "second")
      for source in 0..<2 {
        graph.add("source-\(source)", writes: [first]) { context in
          for number in 0..<40 {
            let lease = try budget.acquire(number % 8 + 1)
            try context.send(Probe(number, census, lease: lease), to: first)
          }
        }
      }
      for stage in 0..<3 {
        graph.add("stage-\(stage)", reads: [first], writes: [second]) { context in
          while let probe = try context.receive(from: first) {
            let buffer = try context.take(from: pool)
            try context.send(
              Probe(probe.number, census, lease: probe.lease, buffer: buffer), to: second)
          }
        }
      }
      graph.add("sink", reads: [second]) { context in
        var count = 0
        while try context.receive(from: second) != nil {
          if count == failingItem { throw NumberedError(number: round) }
          count += 1
        }
      }
      #expect(throws: NumberedError(number: round)) { try graph.run() }
      #expect((census.alive, pool.inUseCount) == (0, 0))
      #expect(budget.leasedBytes == 0)
    }
  }
}
