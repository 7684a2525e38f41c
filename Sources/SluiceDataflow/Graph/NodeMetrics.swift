/// What a node did in a run, and what it waited for.
package struct NodeMetrics: Sendable, Hashable {
  /// The name of the node.
  package let name: String
  /// The time from its start to its end.
  package let wallSeconds: Double
  /// The part of it that is none of the waits below.
  package let busySeconds: Double
  /// The part of it spent waiting for elements.
  package let blockedOnInputSeconds: Double
  /// The part of it spent waiting for room for elements.
  package let blockedOnOutputSeconds: Double
  /// The part of it spent waiting for buffers.
  package let blockedOnMemorySeconds: Double
  /// The processor time of its thread.
  package let processorSeconds: Double
  /// How many bytes it worked on.
  package let byteCount: Int
}

/// What a run of a graph did, node by node in the order of adding.
package struct GraphRun: Sendable, Hashable {
  /// The time from the start of the first node to the end of the last.
  package let wallSeconds: Double
  /// The nodes.
  package let nodes: [NodeMetrics]
  /// The edges between them.
  package let edges: [EdgeMetrics]
}
