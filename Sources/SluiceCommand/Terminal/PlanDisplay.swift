internal import ArgumentParser
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// How a plan is shown.
enum PlanFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json, dot, mermaid
}

/// Plans for the screen, for programs, and as drawings.
enum PlanDisplay {
  static func show(_ plan: PlanExplanation, as format: PlanFormat) -> String {
    switch format {
    case .text: text(plan.printable)
    case .json:
      String(
        decoding: JSONWriter.bytes(indentation: 1) { plan.write(to: &$0) }, as: UTF8.self) + "\n"
    case .dot: PlanDrawing.dot(plan.printable)
    case .mermaid: PlanDrawing.mermaid(plan.printable)
    }
  }

  private static func text(_ plan: PlanExplanation) -> String {
    var text = totals(plan) + "\nmodels\n"
    text += Format.table(plan.models.map { ["  \($0.name)", $0.path] }, leftAligned: [0, 1])
    text += "\nchain (recipe \(plan.fingerprint.prefix(12)))\n"
    text += Format.table(plan.stages.map { ["  \($0.name)", $0.settings] }, leftAligned: [0, 1])
    if !plan.roles.isEmpty {
      text += "\ntensors\n"
      text += Format.table(
        plan.roles.map { role in
          [
            "  \(role.name)", role.treatment, "\(role.tensorCount)",
            NumberFormat.grouped(role.elementCount), role.example,
          ]
        }, leftAligned: [0, 1, 4])
    }
    text += "\npasses\n"
    for (index, pass) in plan.passes.enumerated() { text += tree(pass, index, plan) }
    if !plan.edges.isEmpty {
      text += "\nreading\n"
      text += "  \(plan.input): \(plan.inputReason)\n"
      text += "  \(plan.edges): \(plan.edgesReason)\n"
    }
    if !plan.spillReason.isEmpty {
      let what =
        plan.spillCodec.isEmpty ? "the models are read again" : "kept as \(plan.spillCodec)"
      text += "\nspill\n  \(what): \(plan.spillReason)\n"
    }
    text += "\n" + memory(plan) + "\n" + disk(plan) + time(plan)
    return text
  }

  /// What the run costs in all, first.
  private static func totals(_ plan: PlanExplanation) -> String {
    let read = plan.passes.reduce(0) { $0 + $1.bytesRead }
    let written = plan.passes.reduce(0) { $0 + $1.bytesWritten }
    var facts: [String] = []
    if plan.seconds > 0 {
      let least = plan.isActual ? "took" : plan.isLowerBound ? "at least" : "about"
      facts.append("\(least) \(NumberFormat.seconds(plan.seconds))")
    }
    facts.append("reads \(ByteCount(read))")
    facts.append("writes \(ByteCount(written))")
    facts.append("memory \(ByteCount(plan.plannedMemory)) of \(ByteCount(plan.memoryLimit))")
    if plan.bytesFree >= 0, plan.bytesFree < plan.bytesNeeded { facts.append("NOT ENOUGH DISK") }
    return "in all: \(facts.joined(separator: ", "))\n"
  }

  private static func tree(
    _ pass: PlanExplanation.Pass, _ index: Int, _ plan: PlanExplanation
  ) -> String {
    let condition = pass.isConditional ? " (only where needed)" : ""
    var text = "  \(index + 1). \(pass.name)\(condition): \(pass.reason)\n"
    var facts = ["\(pass.tensorCount) tensors"]
    let most = pass.isConditional ? "at most " : ""
    facts.append("reads \(most)\(ByteCount(pass.bytesRead))")
    if pass.bytesSpilled > 0 {
      facts.append("spills \(plan.isActual ? "" : "at most ")\(ByteCount(pass.bytesSpilled))")
    }
    if pass.bytesWritten > 0 { facts.append("writes \(ByteCount(pass.bytesWritten))") }
    if pass.seconds > 0 {
      let bound = pass.bound.isEmpty ? "" : ", most of it \(pass.bound)"
      let time =
        pass.seconds < 0.01
        ? "under 0.01 s" : (plan.isActual ? "took " : "about ") + NumberFormat.seconds(pass.seconds)
      facts.append(time + bound)
    }
    text += "     |  \(facts.joined(separator: ", "))\n"
    for segment in pass.segments {
      let isLast = segment.channel == nil
      text += "     \(isLast ? "`" : "+")- \(segment.node) x\(segment.count): "
      text += segment.stages.joined(separator: " > ") + "\n"
      if let actual = segment.actual {
        text +=
          "     \(isLast ? " " : "|")    busy \(NumberFormat.seconds(actual.busySeconds)), waited "
        text += "\(NumberFormat.seconds(actual.inputSeconds)) for input, "
        text += "\(NumberFormat.seconds(actual.outputSeconds)) for output, "
        text += "\(NumberFormat.seconds(actual.memorySeconds)) for memory\n"
      }
      if let channel = segment.channel {
        text += "     |    [\(channel.name) x\(channel.count): at most "
        text += "\(ByteCount(channel.byteBound)) wait\(carried(channel.actual))]\n"
      }
    }
    return text
  }

  private static func carried(_ actual: PlanExplanation.ChannelActual?) -> String {
    guard let actual else { return "" }
    return "; \(actual.elementCount) carried \(ByteCount(actual.byteCount)), senders waited "
      + "\(NumberFormat.seconds(actual.senderSeconds)), receivers "
      + NumberFormat.seconds(actual.receiverSeconds)
  }

  private static func memory(_ plan: PlanExplanation) -> String {
    var rows = plan.memory.map { part in
      [
        "  \(part.name)", "\(part.count) x", ByteCount(part.byteCount).description,
        ByteCount(part.totalByteCount).description,
      ]
    }
    rows.append(["  in all", "", "", ByteCount(plan.plannedMemory).description])
    let smallest = ByteCount(plan.smallestMemory).roundedUpToMebibytes
    return "memory (allowed \(ByteCount(plan.memoryLimit)), smallest that works \(smallest))\n"
      + Format.table(rows)
      + (plan.isActual ? "  peak of the process: \(ByteCount(plan.peakMemory))\n" : "")
  }

  private static func disk(_ plan: PlanExplanation) -> String {
    let files = plan.fileCount == 1 ? "1 file" : "\(plan.fileCount) files"
    let free = plan.bytesFree < 0 ? "unknown" : ByteCount(plan.bytesFree).description
    let lack = plan.bytesFree >= 0 && plan.bytesFree < plan.bytesNeeded ? " - NOT ENOUGH" : ""
    return "disk\n  \(plan.output): \(files), needs \(ByteCount(plan.bytesNeeded)), "
      + "free \(plan.isActual ? "before " : "")\(free)\(lack)\n"
  }

  private static func time(_ plan: PlanExplanation) -> String {
    guard plan.seconds > 0 else {
      return "\ntime\n  not estimated: too little of the inputs can be read for a measurement\n"
    }
    if plan.isActual { return "\ntime\n  took \(NumberFormat.seconds(plan.seconds))\n" }
    let least = plan.isLowerBound ? "at least " : "about "
    let missing =
      plan.isLowerBound ? " (solving and stages of one's own are not estimated)" : ""
    var text = "\ntime\n  \(least)\(NumberFormat.seconds(plan.seconds))\(missing)\n"
    if let speed = plan.speed {
      func rate(_ rate: Double) -> String {
        rate > 0 ? "\(ByteCount(Int(rate)))/s" : "not measured"
      }
      text += "  just measured, all lanes together:\n"
      text += Format.table([
        ["    reading from the disk", rate(speed.disk)],
        ["    reading from the page cache", rate(speed.cache)],
        ["    counting", rate(speed.counting)], ["    merging", rate(speed.merging)],
        ["    writing", rate(speed.writing)],
        ["    of the inputs in the page cache", NumberFormat.percent(speed.cachedShare)],
      ])
    }
    return text
  }
}
