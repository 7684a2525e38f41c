internal import SluiceFormats
internal import SluicePlan
internal import SluiceRun

/// Pictures of what a run cost.
struct RunPictures {
  let facts: ReportedMerge

  /// What the nodes of each pass spent their time on.
  func time() -> Picture? {
    let nodes = facts.passes.flatMap { pass in
      pass.segments.compactMap { segment in segment.actual.map { (pass, segment, $0.parts) } }
    }
    guard !nodes.isEmpty else { return nil }
    let bars = nodes.map { pass, segment, parts in
      let whole = parts.reduce(0, +)
      let names = ["busy", "waiting for input", "waiting for output", "waiting for memory"]
      let count = segment.count > 1 ? " (\(Numbers.grouped(Double(segment.count))))" : ""
      let busy = whole > 0 ? Numbers.percent(parts[0] / whole, 0) : "-"
      return Bars.Bar(
        name: "\(pass.name): \(segment.node)\(count)",
        note: "\(busy) of \(Numbers.seconds(whole)) busy",
        parts: zip(names, parts).map { name, seconds in
          Bars.Part(
            value: whole > 0 ? seconds / whole : 0, text: "\(name) \(Numbers.seconds(seconds))")
        })
    }
    let drawing = Bars(
      bars: bars, partNames: ["busy", "waiting for input", "waiting for output", "for memory"],
      whole: 1)
    return Picture(
      title: "Nodes: busy and waiting",
      description:
        "For the nodes of \(facts.passes.count) passes, the shares of time that they were busy or waited "
        + "for input, output or memory.",
      caption: "Each bar is the time of all nodes of a kind; the busiest bounds its pass.",
      height: drawing.height,
      table: Picture.Table(
        head: ["node", "busy", "input", "output", "memory", "stages"],
        rows: nodes.map { pass, segment, parts in
          ["\(pass.name): \(segment.node)"] + parts.map { Numbers.seconds($0) }
            + [segment.stages.joined(separator: ", ")]
        }), draw: drawing.draw)
  }

  /// How long passes took, and what they read and wrote.
  func passes() -> Picture? {
    guard !facts.passes.isEmpty else { return nil }
    let longest = facts.passes.map(\.seconds).max() ?? 0
    let drawing = Bars(
      bars: facts.passes.map { pass in
        Bars.Bar(
          name: pass.name,
          note: "\(Numbers.seconds(pass.seconds)), read \(Numbers.bytes(Double(pass.bytesRead)))",
          parts: [Bars.Part(value: pass.seconds, text: Numbers.seconds(pass.seconds))])
      }, partNames: ["time of the pass"], whole: longest)
    return Picture(
      title: "Passes",
      description:
        "\(facts.passes.count) passes over tensors; the longest took \(Numbers.seconds(longest)).",
      caption:
        "Time of each pass, and what it read. Of a run that was interrupted: of the last attempt.",
      height: drawing.height,
      table: Picture.Table(
        head: ["pass", "time", "read", "spilled", "written", "bound by"],
        rows: facts.passes.map { pass in
          [
            pass.name, Numbers.seconds(pass.seconds), Numbers.bytes(Double(pass.bytesRead)),
            Numbers.bytes(Double(pass.bytesSpilled)), Numbers.bytes(Double(pass.bytesWritten)),
            pass.bound,
          ]
        }), draw: drawing.draw)
  }

  /// Memory, set beside what was allowed.
  func memory() -> Picture? {
    let known: [(String, Double)] = [
      ("allowed (--memory)", facts.run["memory"]?.number),
      ("planned", facts.run["plannedMemory"]?.number),
      ("leased at most", facts.totals["peakLeased"]?.number),
      ("resident at most", facts.totals["peakMemory"]?.number),
    ].compactMap { name, value in value.map { (name, max(0, $0)) } }
    guard let most = known.map(\.1).max(), most > 0 else { return nil }
    let drawing = Bars(
      bars: known.map { name, value in
        Bars.Bar(
          name: name, note: Numbers.bytes(value),
          parts: [Bars.Part(value: value, text: Numbers.bytes(value))])
      }, partNames: [], whole: most)
    return Picture(
      title: "Memory",
      description: known.map { "\($0.0) \(Numbers.bytes($0.1))" }.joined(separator: ", ") + ".",
      caption:
        "Resident memory has the program itself and mapped pages of inputs in it, which the system takes "
        + "back when it needs them.",
      height: drawing.height,
      table: Picture.Table(
        head: ["", "bytes"], rows: known.map { [$0.0, Numbers.grouped($0.1)] }),
      draw: drawing.draw)
  }
}

extension PlanExplanation.SegmentActual {
  /// The seconds that nodes were busy, and waited for input, output and memory.
  fileprivate var parts: [Double] { [busySeconds, inputSeconds, outputSeconds, memorySeconds] }
}
