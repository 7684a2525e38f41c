internal import Synchronization

extension Graph {
  /// Connects what makes elements with what works on them; elements come in the order in which they
  /// are made.
  ///
  /// Fused, both are one node, named after the worker, and its time of making counts as waiting for
  /// input. Queued, they are two.
  ///
  /// - Parameters:
  ///   - contract: How the edge is crossed.
  ///   - edge: The name of the edge.
  ///   - source: The name of the node that makes elements, if it is one of its own.
  ///   - worker: The name of the node that works on them.
  ///   - outputs: The channels that the worker sends to.
  ///   - produce: Makes elements, and passes each on by the call that it gets.
  ///   - makeWork: Called once on the worker's thread; gives what is done with an element.
  package func connect<Element: EdgeElement>(
    _ contract: EdgeContract, _ edge: String, from source: String, to worker: String,
    writes outputs: [any GraphChannel] = [],
    produce: @escaping @Sendable (NodeContext, (consuming Element) throws -> Void) throws -> Void,
    work makeWork: @escaping @Sendable (NodeContext) throws -> (Element) throws -> Void
  ) {
    switch contract {
    case .fused:
      let counter = FusedEdge(edge)
      noteEdge { counter.metrics }
      add(worker, writes: outputs) { node in
        let work = try makeWork(node)
        try node.measure(.blockedOnInput) {
          try produce(node) { element in
            counter.count(element.byteCount)
            try node.measure(.busy) { try work(element) }
          }
        }
      }
    case .queued(let byteBound):
      let channel = BoundedChannel<Element>(
        byteBound: byteBound, cancellation: cancellation, name: edge)
      add(source, writes: [channel]) { node in
        try produce(node) { try node.send($0, to: channel) }
      }
      add(worker, reads: [channel], writes: outputs) { node in
        let work = try makeWork(node)
        while let element = try node.receive(from: channel) {
          try work(element)
          (consume element).giveBack()
        }
      }
    }
  }
}

/// Counts what crosses a fused edge.
private final class FusedEdge: Sendable {
  private let name: String
  private let elementCount = Atomic<Int>(0)
  private let byteCount = Atomic<Int>(0)

  init(_ name: String) { self.name = name }

  func count(_ bytes: Int) {
    elementCount.wrappingAdd(1, ordering: .relaxed)
    byteCount.wrappingAdd(bytes, ordering: .relaxed)
  }

  var metrics: EdgeMetrics {
    EdgeMetrics(
      name: name, contract: .fused, elementCount: elementCount.load(ordering: .relaxed),
      byteCount: byteCount.load(ordering: .relaxed), peakByteCount: 0)
  }
}
