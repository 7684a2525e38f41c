@testable import SluiceDataflow
import Testing

@Suite("Edges") struct EdgeTests {
  /// What a run of a source of numbers and a worker that adds them up did.
  private func run(
    _ contract: EdgeContract, count: Int = 50,
    produce: (@Sendable (NodeContext, (consuming Int) throws -> Void) throws -> Void)? = nil,
    work: @escaping @Sendable (Int) throws -> Void
  ) throws -> GraphRun {
    let graph = Graph()
    graph.connect(
      contract, "numbers", from: "source", to: "worker",
      produce: produce ?? { _, pass in for number in 0..<count { try pass(number) } },
      work: { _ in work })
    return try graph.run()
  }

  static let contracts = [EdgeContract.fused, .queued(byteBound: 1), .queued(byteBound: 7)]

  @Test(
    "elements come in order with each contract, and the run tells what crossed",
    arguments: contracts)
  func order(contract: EdgeContract) throws {
    let received = Collected<Int>()
    let run = try run(contract) { received.append($0) }
    #expect(received.values == Array(0..<50))
    #expect(run.nodes.map(\.name) == (contract == .fused ? ["worker"] : ["source", "worker"]))
    let edge = try #require(run.edges.first)
    #expect(run.edges.count == 1)
    #expect((edge.name, edge.contract) == ("numbers", contract))
    #expect((edge.elementCount, edge.byteCount) == (50, 50))
    switch contract {
    case .fused: #expect(edge.peakByteCount == 0)
    case .queued(let bound): #expect((1...bound).contains(edge.peakByteCount))
    }
  }

  @Test("fused, an element is worked on before the next is made; queued, the next ones are made")
  func ahead() throws {
    let events = Collected<String>()
    let made = Gate()
    typealias Produce = @Sendable (NodeContext, (consuming Int) throws -> Void) throws -> Void
    func produce(_ gate: Gate?) -> Produce {
      { _, pass in
        for number in 0..<3 {
          events.append("make \(number)")
          try pass(number)
        }
        gate?.open()
      }
    }
    _ = try run(.fused, produce: produce(nil)) { events.append("work \($0)") }
    #expect(events.values == (0..<3).flatMap { ["make \($0)", "work \($0)"] })
    // The worker does not begin before all three are made: they wait in the channel.
    let worked = Collected<Int>()
    _ = try run(.queued(byteBound: 3), produce: produce(made)) {
      made.pass()
      worked.append($0)
    }
    #expect(worked.values == [0, 1, 2])
  }

  @Test("fused, the time of making is the worker's wait for input; queued, it is the source's work")
  func waits() throws {
    let gate = Gate()
    // One side cannot go on before the other thread has been seen to do something.
    let opener = try NamedThread(name: "opener") { gate.open() }
    let fused = try run(
      .fused,
      produce: { _, pass in
        gate.pass()
        try pass(1)
      }, work: { _ in })
    opener.join()
    #expect(fused.nodes[0].blockedOnInputSeconds > 0)
    let taken = Gate()
    let queued = try run(
      .queued(byteBound: 1),
      produce: { _, pass in
        for number in 0..<3 { try pass(number) }
        taken.open()
      }, work: { _ in })
    #expect(taken.hasOpened)
    #expect(queued.nodes[0].blockedOnInputSeconds == 0)
    #expect(queued.nodes[1].blockedOnInputSeconds > 0)
  }

  @Test("an error on either side ends both, and is the error of the run", arguments: contracts)
  func errors(contract: EdgeContract) throws {
    #expect(throws: NumberedError(number: 3)) {
      try run(contract, count: 1_000) { if $0 == 9 { throw NumberedError(number: 3) } }
    }
    #expect(throws: NumberedError(number: 4)) {
      try run(
        contract,
        produce: { _, pass in
          try pass(1)
          throw NumberedError(number: 4)
        }, work: { _ in })
    }
  }

  @Test("who sends an element has it no longer, with each contract", arguments: contracts)
  func moves(contract: EdgeContract) throws {
    let census = Probe.Census()
    let graph = Graph()
    graph.connect(
      contract, "probes", from: "source", to: "worker",
      produce: { _, pass in for number in 0..<20 { try pass(Probe(number, census)) } },
      work: { _ in
        { (probe: Probe) in
          // In the channel, on its way into it, and this one.
          #expect(census.alive <= (contract == .fused ? 1 : 9))
        }
      })
    try graph.run()
    #expect(census.alive == 0)
  }
}
