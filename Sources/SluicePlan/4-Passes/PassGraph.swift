package import SluiceDataflow

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

  /// An edge between nodes; where it is fused its ends are stages of one node.
  package struct Edge: Sendable, Hashable {
    /// What travels.
    package var name: String
    /// How many channels there are.
    package var count: Int
    /// How they are crossed.
    package var contract: EdgeContract

    package init(name: String, count: Int = 1, _ contract: EdgeContract) {
      self.name = name
      self.count = count
      self.contract = contract
    }
  }

  /// The nodes.
  package var nodes: [Node]

  package init(_ nodes: [Node]) { self.nodes = nodes }

  /// Lanes that let deltas pass through stages, and what reads for them.
  package static func lanes(_ plan: TensorPlan, _ stages: [String], edge: Edge? = nil) -> PassGraph
  {
    let count = plan.memory.lanes
    let chunks = Edge(name: ReadEdge.name, count: count, plan.chunkContract)
    let lane = Node(.lane, count: count, stages: ["delta"] + stages, edge: edge)
    let reader = Node(.reader, count: count, stages: ["read"], edge: chunks)
    return PassGraph([reader, lane].fused)
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

  /// Reads the strips of a queue ahead for a lane.
  package static let reader = NodeKind("read", bytes: .input)
  /// Works on the chunks of strips; reads them itself where that edge is fused.
  package static let lane = NodeKind("lane", bytes: .input)
}

extension [PassGraph.Node] {
  /// The nodes, with those at the ends of a fused edge as one.
  fileprivate var fused: [PassGraph.Node] {
    reduce(into: []) { nodes, node in
      if let last = nodes.last, last.edge?.contract == .fused {
        var both = node
        both.stages = last.stages + node.stages
        nodes[nodes.count - 1] = both
      } else {
        nodes.append(node)
      }
    }
  }
}
