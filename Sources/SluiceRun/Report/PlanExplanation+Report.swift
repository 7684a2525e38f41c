internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
package import SluicePlan
internal import SluiceRecipe

extension PlanExplanation {
  /// Reads what a run did from the report in its output.
  ///
  /// - Parameter output: The directory of the merged model.
  /// - Returns: The explanation.
  /// - Throws: `FormatError` if there is no report, `PipelineError` if it has no explanation.
  package static func read(fromReportOf output: String) throws -> PlanExplanation {
    let path = "\(output)/\(RunFile.report)"
    var bytes = try InputFile.contents(of: path, byteLimit: ReportedShards.byteLimit)
    // SAFETY: the scanner is used inside the closure only.
    let tree = try unsafe bytes.withUnsafeMutableBytes { text in
      var scanner = unsafe JSONScanner(UnsafeRawBufferPointer(text), file: path)
      try scanner.beginObject()
      while let key = try scanner.nextKey() {
        if scanner.text(key, equals: "explanation") {
          return try JSONTree(&scanner, .ofRun) as JSONTree?
        }
        _ = try scanner.skipValue()
      }
      return nil
    }
    guard let tree else {
      throw PipelineError.badInput(
        "the report does not say what its run did", file: path,
        remedy: "It was a shared run, or was written by another version of sluice.")
    }
    return PlanExplanation(tree)
  }

  /// Puts what a run did in the place of what was planned.
  mutating func fill(from report: MergeReport) {
    isActual = true
    seconds = report.totals.seconds
    peakMemory = report.totals.peakMemory
    let planned = passes
    passes = report.passes.map { metrics in
      var pass =
        planned.first { $0.name == metrics.pass.name } ?? Pass(metrics.pass, report.plan.tensors)
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
      switch segment.kind {
      case .reader: return [("reading", actual.busySeconds / count)]
      case .lane where segment.stages.first != "read":
        return [("computing", actual.busySeconds / count)]
      case let kind where kind.bytes == .input:
        return [
          ("reading", actual.inputSeconds / count), ("computing", actual.busySeconds / count),
        ]
      default: return [("writing", actual.busySeconds / count)]
      }
    }
    return shares.max { $0.1 < $1.1 }?.0 ?? ""
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
    let receiverSeconds = segments[index + 1].actual?.inputSeconds ?? 0
    segments[index].channel?.actual = PlanExplanation.ChannelActual(
      elementCount: edges.reduce(0) { $0 + $1.elementCount },
      byteCount: edges.reduce(0) { $0 + $1.byteCount },
      senderSeconds: (sender?.outputSeconds ?? 0) + (sender?.memorySeconds ?? 0),
      receiverSeconds: receiverSeconds)
  }
}
