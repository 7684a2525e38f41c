internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluicePipeline
internal import SluiceRecipe

/// What a merge did, for the screen.
enum MergeSummary {
  /// The summary for people.
  static func text(_ report: MergeReport, output: String) -> String {
    let layout = report.plan.layout
    let files = layout.shards.count == 1 ? "1 file" : "\(layout.shards.count) files"
    let tensors = layout.shards.reduce(0) { $0 + $1.tensors.count }
    var text =
      "merged \(tensors) tensor\(tensors == 1 ? "" : "s") into \(output) "
      + "(\(files), \(ByteCount(layout.byteCount)))\n\n"
    var rows = [["model", "linear layers", "factors", "asked", "achieved", "deltas kept"]]
    for model in report.models {
      // What is not looked at before the merge is not counted.
      let isSurveyed = !model.layers.isEmpty
      let factors = model.factors.map { "\($0)" }.joined(separator: ", ")
      rows.append([
        model.name.printable, isSurveyed ? "\(model.layers.count)" : "-", factors,
        NumberFormat.percent(model.requestedRate),
        model.achievedRate.map { NumberFormat.percent($0) } ?? "-",
        isSurveyed ? NumberFormat.grouped(model.keptCount) : "-",
      ])
    }
    text += Format.table(rows) + "\n"
    let totals = report.totals
    text +=
      "\(NumberFormat.seconds(totals.seconds)), read \(ByteCount(totals.bytesRead)), "
      + "wrote \(ByteCount(totals.bytesWritten)), "
      + "peak memory \(ByteCount(totals.peakMemory)) "
      + "(budget \(report.plan.options.memory), leased \(ByteCount(totals.peakLeased)))\n"
    if totals.attempts > 1 { text += "finished in \(totals.attempts) attempts\n" }
    if !report.warnings.isEmpty {
      let count = report.warnings.count
      text += "\(count) warning\(count == 1 ? "" : "s"), listed in \(MergeReport.fileName)\n"
    }
    return text
  }

  /// The result as one JSON object.
  static func json(_ report: MergeReport, output: String) -> String {
    JSONLine.text { json in
      json.member("event", .string("done"))
      json.member("out", .string(output))
      json.member("report", .string("\(output)/\(MergeReport.fileName)"))
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
      json.member("report", .string("\(output)/\(MergeReport.fileName)"))
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

/// Warnings as they are shown while a command runs.
enum WarningDisplay {
  private static let limit = 20

  static func show(_ warnings: [Warning], options: OutputOptions) {
    guard !options.isQuiet || options.isJSON else { return }
    let warnings = options.isJSON ? warnings : warnings.filter { !$0.kind.isForReportOnly }
    for warning in warnings.prefix(options.isJSON ? .max : limit) {
      if options.isJSON {
        JSONLine.write(to: StandardError.self) { json in
          json.member("event", .string("warning"))
          json.member("kind", .string(warning.kind.rawValue))
          json.member("subject", .string(warning.subject.description))
          json.member("message", .string(warning.message))
        }
      } else {
        StandardError.writeLine("warning: \(warning.subject): \(warning.message)")
      }
    }
    if !options.isJSON, warnings.count > limit {
      StandardError.writeLine("warning: and \(warnings.count - limit) more, listed in the report")
    }
  }
}
