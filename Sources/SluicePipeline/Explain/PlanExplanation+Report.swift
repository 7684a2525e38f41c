internal import SluiceRecipe
internal import SluiceDataflow

extension PlanExplanation {
  /// Puts what a run did in the place of what was planned.
  mutating func fill(from report: MergeReport) {
    isActual = true
    seconds = report.totals.seconds
    peakMemory = report.totals.peakMemory
    let planned = passes
    passes = report.passes.map { metrics in
      var pass =
        planned.first { $0.name == metrics.name }
        ?? Pass(
          name: metrics.name, reason: "", isConditional: false, tensorCount: 0, bytesRead: 0,
          bytesSpilled: 0, bytesWritten: 0, segments: [], seconds: 0)
      pass.isConditional = false
      pass.tensorCount = metrics.tensorCount
      pass.seconds = metrics.run.wallSeconds
      // Where the edge after reading is fused, lanes read.
      pass.bytesRead = ["read", "lane"].flatMap { PlanExplanation.nodes($0, in: metrics) }
        .reduce(0) { $0 + $1.byteCount }
      pass.bytesWritten = PlanExplanation.nodes("write", in: metrics).reduce(0) {
        $0 + $1.byteCount
      }
      pass.bytesSpilled = metrics.bytesSpilled
      for index in pass.segments.indices {
        let nodes = PlanExplanation.nodes(pass.segments[index].node, in: metrics)
        pass.segments[index].actual = SegmentActual(
          busySeconds: nodes.reduce(0) { $0 + $1.busySeconds },
          inputSeconds: nodes.reduce(0) { $0 + $1.blockedOnInputSeconds },
          outputSeconds: nodes.reduce(0) { $0 + $1.blockedOnOutputSeconds },
          memorySeconds: nodes.reduce(0) { $0 + $1.blockedOnMemorySeconds },
          byteCount: nodes.reduce(0) { $0 + $1.byteCount })
      }
      for index in pass.segments.indices.dropLast() {
        pass.fillChannel(after: index, from: metrics)
      }
      pass.bound = PlanExplanation.bound(of: pass)
      return pass
    }
  }

  /// What the nodes did most of the time.
  private static func bound(of pass: Pass) -> String {
    let shares = pass.segments.flatMap { segment -> [(String, Double)] in
      guard let actual = segment.actual else { return [] }
      let count = Double(max(segment.count, 1))
      switch segment.node {
      case "read": return [("reading", actual.busySeconds / count)]
      case "write": return [("writing", actual.busySeconds / count)]
      case "lane" where segment.stages.first == "read":
        return [
          ("reading", actual.inputSeconds / count), ("computing", actual.busySeconds / count),
        ]
      default: return [("computing", actual.busySeconds / count)]
      }
    }
    return shares.max { $0.1 < $1.1 }?.0 ?? ""
  }

  /// The nodes of a kind: `lane 1`, `lane 2`, ...
  private static func nodes(_ kind: String, in pass: PassMetrics) -> [NodeMetrics] {
    pass.run.nodes.filter { $0.name == kind || $0.name.hasPrefix("\(kind) ") }
  }
}

extension PlanExplanation.Pass {
  /// Tells what crossed the channel after a segment, if there is one.
  ///
  /// Whose elements are in buffers waits for a buffer where the channel is full.
  fileprivate mutating func fillChannel(after index: Int, from metrics: PassMetrics) {
    guard let channel = segments[index].channel else { return }
    let edges = metrics.run.edges.filter { $0.name == channel.name }
    let sender = segments[index].actual
    segments[index].channel?.actual = PlanExplanation.ChannelActual(
      elementCount: edges.reduce(0) { $0 + $1.elementCount },
      byteCount: edges.reduce(0) { $0 + $1.byteCount },
      senderSeconds: (sender?.outputSeconds ?? 0) + (sender?.memorySeconds ?? 0),
      receiverSeconds: segments[index + 1].actual?.inputSeconds ?? 0)
  }
}
