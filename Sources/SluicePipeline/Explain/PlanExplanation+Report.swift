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
      pass.bytesRead = PlanExplanation.nodes("lane", in: metrics).reduce(0) { $0 + $1.byteCount }
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
      pass.bound = PlanExplanation.bound(of: pass)
      return pass
    }
  }

  /// What the nodes did most of the time.
  private static func bound(of pass: Pass) -> String {
    let shares = pass.segments.flatMap { segment -> [(String, Double)] in
      guard let actual = segment.actual else { return [] }
      let count = Double(max(segment.count, 1))
      guard segment.node == "lane" else {
        return [(segment.node == "write" ? "writing" : "computing", actual.busySeconds / count)]
      }
      return [("reading", actual.inputSeconds / count), ("computing", actual.busySeconds / count)]
    }
    return shares.max { $0.1 < $1.1 }?.0 ?? ""
  }

  /// The nodes of a kind: `lane 1`, `lane 2`, ...
  private static func nodes(_ kind: String, in pass: PassMetrics) -> [NodeMetrics] {
    pass.run.nodes.filter { $0.name == kind || $0.name.hasPrefix("\(kind) ") }
  }
}
