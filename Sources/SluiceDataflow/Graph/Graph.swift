/// Nodes that run at the same time, each on a thread of its own, and end together.
///
/// A node that throws cancels all others. A node that declares which channels it reads and writes
/// need not close them: the last writer's end closes a channel, and when the last reader ends while
/// elements are left or still come, the run fails instead of hanging.
package final class Graph {
  /// What ends the run before its time; channels and pools of the graph share it.
  package let cancellation: Cancellation

  private var nodes: [Node] = []
  private var channels: [ChannelEnds] = []
  private var edges: [@Sendable () -> EdgeMetrics] = []

  /// Creates a graph without nodes.
  package init(cancellation: Cancellation = Cancellation()) { self.cancellation = cancellation }

  /// Adds a node.
  ///
  /// - Parameters:
  ///   - name: The name, also of its thread.
  ///   - inputs: The channels that it receives from.
  ///   - outputs: The channels that it sends to.
  ///   - body: What it does, on a thread of its own; it may block.
  package func add(
    _ name: String, reads inputs: [any GraphChannel] = [],
    writes outputs: [any GraphChannel] = [],
    _ body: @escaping @Sendable (NodeContext) throws -> Void
  ) {
    let inputs = inputs.map(ends(of:))
    let outputs = outputs.map(ends(of:))
    for ends in inputs { ends.addReader() }
    for ends in outputs { ends.addWriter() }
    nodes.append(Node(name: name, inputs: inputs, outputs: outputs, body: body))
  }

  /// Runs all nodes, and returns when the last has ended.
  ///
  /// A graph runs once: its channels are closed afterwards, and its nodes are dropped.
  ///
  /// - Returns: What the run did.
  /// - Throws: The first error of any node, or what the run was cancelled with.
  @discardableResult
  package func run() throws -> GraphRun {
    try cancellation.throwFirstError()
    let start = MonotonicTime.now
    let metrics = Monitor([NodeMetrics?](repeating: nil, count: nodes.count))
    for thread in startThreads(metrics) { thread.join() }
    let run = GraphRun(
      wallSeconds: MonotonicTime.now.seconds(since: start),
      nodes: metrics.withLock { $0.compactMap(\.self) }, edges: edges.map { $0() })
    nodes = []
    channels = []
    edges = []
    try cancellation.throwFirstError()
    return run
  }

  /// Starts a thread for each node; if there are not enough threads the run is cancelled.
  private func startThreads(_ metrics: Monitor<[NodeMetrics?]>) -> [NamedThread] {
    var threads: [NamedThread] = []
    for (index, node) in nodes.enumerated() {
      do throws(DataflowError) {
        let thread = try NamedThread(name: node.name) { [cancellation] in
          let result = node.run(cancellation)
          metrics.withLock { $0[index] = result }
        }
        threads.append(thread)
      } catch {
        cancellation.cancel(error)
        break
      }
    }
    return threads
  }

  private func ends(of channel: any GraphChannel) -> ChannelEnds {
    if let known = channels.first(where: { $0.channel === channel }) { return known }
    let ends = ChannelEnds(channel)
    channels.append(ends)
    noteEdge { channel.metrics }
    return ends
  }

  /// Adds an edge to what the run tells.
  func noteEdge(_ metrics: @escaping @Sendable () -> EdgeMetrics) { edges.append(metrics) }
}
