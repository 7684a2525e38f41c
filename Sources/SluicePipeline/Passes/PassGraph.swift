/// What runs in a pass: kinds of nodes, in the order in which elements pass them, and the edges between.
package struct PassGraph: Sendable, Hashable {
  /// Stages that run fused on nodes of one kind.
  package struct Node: Sendable, Hashable {
    /// What the nodes are.
    package var kind: NodeKind
    /// How many there are.
    package var count: Int
    /// The stages, in order.
    package var stages: [String]
    /// The edge to the next kind, if elements travel on.
    package var edge: Edge?

    package init(_ kind: NodeKind, count: Int, stages: [String], edge: Edge? = nil) {
      self.kind = kind
      self.count = count
      self.stages = stages
      self.edge = edge
    }
  }

  /// A bounded channel between nodes.
  package struct Edge: Sendable, Hashable {
    /// What travels.
    package var name: String
    /// How many elements it can hold.
    package var capacity: Int
    /// The most bytes of an element.
    package var elementByteCount: Int

    package init(name: String, capacity: Int, elementByteCount: Int) {
      self.name = name
      self.capacity = capacity
      self.elementByteCount = elementByteCount
    }
  }

  /// The nodes.
  package var nodes: [Node]

  package init(_ nodes: [Node]) { self.nodes = nodes }

  /// Lanes that read strips and let deltas pass through stages.
  static func lanes(_ plan: MergePlan, _ stages: [String], edge: Edge? = nil) -> PassGraph {
    PassGraph([
      Node(.lane, count: plan.memory.lanes, stages: ["read", "delta"] + stages, edge: edge)
    ])
  }
}

/// The identity of a kind of node: what a plan calls it, and what the bytes are that it counts.
package struct NodeKind: Sendable, Hashable {
  /// What the bytes are that a node counts.
  package enum Bytes: String, Sendable, Hashable, CaseIterable {
    /// Those of models.
    case input
    /// Those of the merged model.
    case output
    /// Those of intermediate files.
    case spill
  }

  /// The name in plans; a node's own has a number behind it.
  package let name: String
  /// What the bytes are that it counts.
  package let bytes: Bytes

  package init(_ name: String, bytes: Bytes) {
    self.name = name
    self.bytes = bytes
  }

  /// Reads the strips of a queue, and works on them.
  static let lane = NodeKind("lane", bytes: .input)
}
