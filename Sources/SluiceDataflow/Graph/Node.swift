/// A node of a ``Graph``: a body, and the channels at its sides.
struct Node: Sendable {
  let name: String
  let inputs: [ChannelEnds]
  let outputs: [ChannelEnds]
  let body: @Sendable (NodeContext) throws -> Void

  /// Runs the body on the calling thread and sees to the channels afterwards.
  func run(_ cancellation: Cancellation) -> NodeMetrics {
    let context = NodeContext(name: name, cancellation: cancellation)
    do {
      try cancellation.check()
      try cancellation.asThatOfThisThread { try body(context) }
    } catch {
      // Before any channel is closed, so that nobody takes the end of this node for a good one.
      cancellation.cancel(error)
    }
    for ends in outputs { ends.endWriter() }
    for ends in inputs { ends.endReader(cancellation) }
    return context.finish()
  }
}

/// Counts the nodes of a graph at both ends of a channel.
final class ChannelEnds: Sendable {
  let channel: any GraphChannel
  private let counts = Monitor((readers: 0, writers: 0))

  init(_ channel: any GraphChannel) { self.channel = channel }

  func addReader() { counts.withLock { $0.readers += 1 } }

  func addWriter() { counts.withLock { $0.writers += 1 } }

  /// Notes the end of a node that sends; after the last one nothing more can come.
  func endWriter() {
    let isLast = counts.withLock { counts in
      counts.writers -= 1
      return counts.writers == 0
    }
    if isLast { channel.close() }
  }

  /// Notes the end of a node that receives; after the last one nothing may be left.
  func endReader(_ cancellation: Cancellation) {
    let isLast = counts.withLock { counts in
      counts.readers -= 1
      return counts.readers == 0
    }
    if isLast, channel.abandon() > 0 {
      cancellation.cancel(DataflowError.abandonedChannel(channel.name))
    }
  }
}
