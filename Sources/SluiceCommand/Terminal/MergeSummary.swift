internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
internal import SluiceRun
internal import SluiceStages

/// What a merge did, for the screen.
enum MergeSummary {
  /// The summary for people.
  static func text(_ report: MergeReport, output: String) -> String {
    let layout = report.plan.layout
    let files = layout.shards.count == 1 ? "1 file" : "\(layout.shards.count) files"
    let elements = report.plan.tasks.reduce(0) { $0 + $1.elementCount }
    let base = report.plan.tasks.reduce(0) {
      $0 + $1.baseElementCount * ($1.base.dtype.byteCount ?? 1)
    }
    let compared = base == layout.tensorByteCount ? "as the base" : "the base \(ByteCount(base))"
    var text =
      "merged \(NumberFormat.grouped(elements)) parameters into \(output) "
      + "(\(files), \(ByteCount(layout.byteCount)), \(compared))\n\n"
    text += models(report) + "\n"
    text += adapters(report)
    let totals = report.totals
    text +=
      "\(NumberFormat.seconds(totals.seconds)), read \(ByteCount(totals.bytesRead)), "
      + "wrote \(ByteCount(totals.bytesWritten)), "
      + "peak memory \(ByteCount(totals.peakMemory)) of the process "
      + "(\(report.plan.options.memory) allowed for buffers)\n"
    if totals.attempts > 1 { text += "finished in \(totals.attempts) attempts\n" }
    if !report.warnings.isEmpty {
      let count = report.warnings.count
      text += "\(count) warning\(count == 1 ? "" : "s"), listed in \(RunFile.report)\n"
    }
    text += "next: sluice report \(output) --html \(output).html\n"
    return text
  }

  /// What adapters changed: how many tensors they have something for, and by how much.
  private static func adapters(_ report: MergeReport) -> String {
    var rows = [["model", "adapter", "scale", "tensors", "delta norm / base norm"]]
    for case (let model, let found?) in zip(report.models, report.adapters) {
      for (position, adapter) in found.adapters.enumerated() {
        rows.append([
          position == 0 ? model.name.printable : "", adapter.path.printable, "\(adapter.scale)",
          "\(adapter.tensorCount)",
          position == 0 ? found.ratio.map { "\(($0 * 1e6).rounded() / 1e4) %" } ?? "-" : "",
        ])
      }
    }
    return rows.count > 1 ? Format.table(rows) + "\n" : ""
  }

  /// The result as one JSON object.
  static func json(_ report: MergeReport, output: String) -> String {
    JSONLine.text { json in
      json.member("event", .string("done"))
      json.member("out", .string(output))
      json.member("report", .string("\(output)/\(RunFile.report)"))
      json.key("models")
      json.beginArray()
      for model in report.models {
        json.beginObject()
        json.member("name", .string(model.name))
        json.member("requestedRate", .double(model.requestedRate))
        json.member("achievedRate", model.achievedRate.map { .double($0) } ?? .null)
        json.endObject()
      }
      json.endArray()
      json.member("seconds", .double(report.totals.seconds))
      json.member("bytesRead", .integer(report.totals.bytesRead))
      json.member("bytesWritten", .integer(report.totals.bytesWritten))
      json.member("peakMemory", .integer(report.totals.peakMemory))
      json.member("attempts", .integer(report.totals.attempts))
      json.member("warnings", .integer(report.warnings.count))
    }
  }

  /// The result as one JSON object where there was nothing to do.
  static func jsonForFinished(output: String) -> String {
    JSONLine.text { json in
      json.member("event", .string("finishedBefore"))
      json.member("out", .string(output))
      json.member("report", .string("\(output)/\(RunFile.report)"))
    }
  }

  /// Each pass and what its nodes spent their time on.
  static func passes(_ report: MergeReport) -> String {
    var rows = [["pass", "node", "seconds", "busy", "cpu", "waits: input", "output", "memory"]]
    for pass in report.passes {
      for node in pass.run.nodes {
        rows.append(
          [pass.name, node.name]
            + [
              node.wallSeconds, node.busySeconds, node.processorSeconds, node.blockedOnInputSeconds,
              node.blockedOnOutputSeconds, node.blockedOnMemorySeconds,
            ].map { "\(($0 * 100).rounded() / 100)" })
      }
    }
    return Format.table(rows, leftAligned: [0, 1])
  }
}
