internal import SluiceDataflow

extension PlanExplanation {
  /// Puts what a run did in the place of what was planned.
  ///
  /// - Parameter report: The report of the run.
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
      pass.bytesRead = PlanExplanation.nodes("read", in: metrics).reduce(0) { $0 + $1.byteCount }
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

  /// What the nodes that worked most of the time did.
  private static func bound(of pass: Pass) -> String {
    let names = ["read": "reading", "write": "writing"]
    func busy(_ segment: Segment) -> Double {
      (segment.actual?.busySeconds ?? 0) / Double(max(segment.count, 1))
    }
    let busiest = pass.segments.max { busy($0) < busy($1) }
    return busiest.map { names[$0.node] ?? "computing" } ?? ""
  }

  /// The nodes of a kind: `read 1`, `read 2`, ...
  private static func nodes(_ kind: String, in pass: PassMetrics) -> [NodeMetrics] {
    pass.run.nodes.filter { $0.name == kind || $0.name.hasPrefix("\(kind) ") }
  }
}
