internal import SluiceCore
package import SluiceDataflow
package import SluicePlan

/// What a pass did.
package struct PassMetrics: Sendable {
  /// The pass.
  package let pass: any TensorPass
  /// How many tensors it looked at.
  package let tensorCount: Int
  /// The bytes that it wrote to intermediate files.
  package var bytesSpilled = 0
  /// What its nodes did, and what crossed its edges.
  package let run: GraphRun
  /// What each of them is.
  private let kinds: [NodeKind]

  init(_ pass: any TensorPass, tensorCount: Int, run: GraphRun, kinds: [NodeKind]) {
    self.pass = pass
    self.tensorCount = tensorCount
    self.run = run
    self.kinds = kinds
  }

  /// The name of the pass.
  package var name: String { pass.name }

  /// The nodes of a kind.
  package func nodes(of kind: NodeKind) -> [NodeMetrics] {
    zip(kinds, run.nodes).filter { $0.0 == kind }.map(\.1)
  }

  /// The bytes that nodes counted.
  package func byteCount(_ bytes: NodeKind.Bytes) -> Int {
    zip(kinds, run.nodes).reduce(0) { $0 + ($1.0.bytes == bytes ? $1.1.byteCount : 0) }
  }
}

/// The graph of a pass while it is put together: it knows what each of its nodes is.
final class PassGraphRun {
  private let graph: Graph
  private var kinds: [NodeKind] = []

  init(cancellation: Cancellation) { graph = Graph(cancellation: cancellation) }

  /// Adds a node; without a number if it is the only one of its kind.
  func add(
    _ kind: NodeKind, _ number: Int?, reads inputs: [any GraphChannel] = [],
    writes outputs: [any GraphChannel] = [],
    _ body: @escaping @Sendable (NodeContext) throws -> Void
  ) {
    kinds.append(kind)
    graph.add(
      kind.name + (number.map { " \($0)" } ?? ""), reads: inputs, writes: outputs, body)
  }

  /// Connects nodes of two kinds; where the edge is fused there is one node, of the second kind.
  func connect<Element: EdgeElement>(
    _ contract: EdgeContract, _ edge: String, from source: NodeKind, to worker: NodeKind,
    _ number: Int, writes outputs: [any GraphChannel],
    produce: @escaping @Sendable (NodeContext, (consuming Element) throws -> Void) throws -> Void,
    work: @escaping @Sendable (NodeContext) throws -> (Element) throws -> Void
  ) {
    kinds += contract == .fused ? [worker] : [source, worker]
    graph.connect(
      contract, edge, from: "\(source.name) \(number)", to: "\(worker.name) \(number)",
      writes: outputs, produce: produce, work: work)
  }

  /// Runs all nodes, and says what they did.
  func run(_ pass: any TensorPass, tensorCount: Int) throws -> PassMetrics {
    PassMetrics(pass, tensorCount: tensorCount, run: try graph.run(), kinds: kinds)
  }
}
