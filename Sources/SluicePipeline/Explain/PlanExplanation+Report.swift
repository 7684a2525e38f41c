internal import SluiceRecipe
internal import SluiceDataflow

extension PlanExplanation {
  /// Puts what a run did in the place of what was planned.
  mutating func fill(from report: MergeReport) {
    isActual = true
    seconds = report.totals.seconds
    peakMemory = report.totals.peakMemory
    passes = report.passes.map { metrics in
      var pass = Pass(metrics.pass, report.plan)
      pass.isConditional = false
      pass.tensorCount = metrics.tensorCount
      pass.seconds = metrics.run.wallSeconds
      pass.bytesRead = metrics.byteCount(.input)
      pass.bytesWritten = metrics.byteCount(.output)
      pass.bytesSpilled = metrics.bytesSpilled
      for index in pass.segments.indices {
        let nodes = metrics.nodes(of: pass.segments[index].kind)
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
      guard segment.kind.bytes == .input else {
        return [("writing", actual.busySeconds / count)]
      }
      return [("reading", actual.inputSeconds / count), ("computing", actual.busySeconds / count)]
    }
    return shares.max { $0.1 < $1.1 }?.0 ?? ""
  }
}
