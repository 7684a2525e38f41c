@testable import SluiceDataflow
import Testing

@Suite("Graph") struct GraphTests {
  @Test("elements flow from a source through stages to a sink, and what they hold comes back")
  func pipeline() throws {
    for round in 0..<60 {
      let graph = Graph()
      let cancellation = graph.cancellation
      let budget = ByteBudget(limit: 20 * 12)
      let pool = try BufferPool(count: 4, byteCount: 8, cancellation: cancellation)
      let census = Probe.Census()
      let read = BoundedChannel<Probe>(
        byteBound: 1 + round % 4, cancellation: cancellation, name: "read")
      let merged = BoundedChannel<Probe>(byteBound: 2, cancellation: cancellation, name: "merged")
      let sum = Collected<Int>()
      graph.add("reader", writes: [read]) { context in
        for number in 0..<40 {
          let lease = try budget.acquire(number % 20 + 1)
          let buffer = try context.take(from: pool)
          try context.send(Probe(number, census, lease: lease, buffer: buffer), to: read)
        }
      }
      for worker in 0..<3 {
        graph.add("worker-\(worker)", reads: [read], writes: [merged]) { context in
          while let probe = try context.receive(from: read) {
            context.count(bytes: probe.lease?.byteCount ?? 0)
            try context.send(probe, to: merged)
          }
        }
      }
      graph.add("writer", reads: [merged]) { context in
        while let probe = try context.receive(from: merged) { sum.append(probe.number) }
      }
      let run = try graph.run()
      #expect(sum.values.sorted() == Array(0..<40))
      #expect(run.nodes.map(\.name) == ["reader", "worker-0", "worker-1", "worker-2", "writer"])
      #expect(run.nodes[1...3].map(\.byteCount).reduce(0, +) == 420)
      #expect(run.edges.map(\.name) == ["read", "merged"])
      #expect(run.edges.map(\.elementCount) == [40, 40])
      #expect((census.alive, budget.leasedBytes, pool.inUseCount) == (0, 0, 0))
      #expect((20...240).contains(budget.peakBytes))
    }
  }

  @Test("the time of a node is the sum of its work and its waits")
  func metrics() throws {
    let graph = Graph()
    let channel = BoundedChannel<Int>(
      byteBound: 1, cancellation: graph.cancellation, name: "numbers")
    let other = Gate()
    graph.add("source", writes: [channel]) { context in
      for number in 0..<3 { try context.send(number, to: channel) }
      // The sink stands at the gate, so this waits until it has been opened from there.
      context.measure(.blockedOnMemory) { other.pass() }
    }
    graph.add("sink", reads: [channel]) { context in
      #expect(eventually { channel.waitingThreadCount == 1 })
      for _ in 0..<3 { _ = try context.receive(from: channel) }
      other.open()
      _ = try context.receive(from: channel)
    }
    let run = try graph.run()
    for node in run.nodes {
      let parts = [
        node.busySeconds, node.blockedOnInputSeconds, node.blockedOnOutputSeconds,
        node.blockedOnMemorySeconds,
      ]
      #expect(parts.allSatisfy { $0 >= 0 })
      #expect(abs(parts.reduce(0, +) - node.wallSeconds) < 1e-6)
      #expect(node.wallSeconds <= run.wallSeconds)
      #expect(node.processorSeconds > 0)
    }
    let (source, sink) = (run.nodes[0], run.nodes[1])
    #expect(source.blockedOnOutputSeconds > 0)
    #expect(source.blockedOnMemorySeconds > 0)
    #expect(source.blockedOnInputSeconds == 0)
    #expect(sink.blockedOnInputSeconds > 0)
    #expect(sink.blockedOnOutputSeconds == 0)
  }

  @Test("a channel closes when the last of its writers has ended, not the first")
  func closing() throws {
    let graph = Graph()
    let channel = BoundedChannel<Int>(
      byteBound: 1, cancellation: graph.cancellation, name: "numbers")
    let firstEnded = Gate()
    graph.add("first", writes: [channel]) { context in try context.send(1, to: channel) }
    graph.add("second", writes: [channel]) { context in
      firstEnded.pass()
      try context.send(2, to: channel)
    }
    let received = Collected<Int>()
    graph.add("sink", reads: [channel]) { context in
      while let number = try context.receive(from: channel) {
        received.append(number)
        firstEnded.open()
      }
    }
    try graph.run()
    #expect(received.values == [1, 2])
  }

  @Test("a graph without nodes ends at once")
  func empty() throws {
    let run = try Graph().run()
    #expect(run.nodes.isEmpty)
  }

  @Test("nested measurements count for the inner activity, and waits add up")
  func activityClock() {
    func time(_ nanoseconds: Int64) -> MonotonicTime { MonotonicTime(nanoseconds: nanoseconds) }
    var clock = ActivityClock(start: time(1_000_000_000))
    clock.change(to: .blockedOnInput, at: time(3_000_000_000))
    clock.change(to: .blockedOnMemory, at: time(3_500_000_000))
    clock.change(to: .blockedOnInput, at: time(4_000_000_000))
    clock.change(to: .busy, at: time(5_000_000_000))
    #expect(clock.current == .busy)
    clock.change(to: .busy, at: time(9_000_000_000))
    #expect(
      NodeActivity.allCases.map { clock.seconds($0) } == [6, 1.5, 0, 0.5])
  }
}
