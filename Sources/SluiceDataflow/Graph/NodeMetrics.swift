/// The place of a node in a graph.
public enum NodeRole: String, Sendable, Hashable, CaseIterable {
  /// It brings elements into the graph.
  case source
  /// It makes elements of elements.
  case stage
  /// It takes elements out of the graph.
  case sink
}

/// What a node did in a run, and what it waited for.
public struct NodeMetrics: Sendable, Hashable {
  /// The name of the node.
  public let name: String
  /// Its place in the graph.
  public let role: NodeRole
  /// The time from its start to its end.
  public let wallSeconds: Double
  /// The part of it that is none of the waits below.
  public let busySeconds: Double
  /// The part of it spent waiting for elements.
  public let blockedOnInputSeconds: Double
  /// The part of it spent waiting for room for elements.
  public let blockedOnOutputSeconds: Double
  /// The part of it spent waiting for leases and buffers.
  public let blockedOnMemorySeconds: Double
  /// The processor time of its thread.
  public let processorSeconds: Double
  /// How many elements it worked on.
  public let itemCount: Int
  /// How many bytes it worked on.
  public let byteCount: Int
}

/// What a run of a graph did, node by node in the order of adding.
public struct GraphRun: Sendable, Hashable {
  /// The time from the start of the first node to the end of the last.
  public let wallSeconds: Double
  /// The nodes.
  public let nodes: [NodeMetrics]
  /// The channels between them, as far as nodes declared them.
  public let channels: [ChannelMetrics]
}
