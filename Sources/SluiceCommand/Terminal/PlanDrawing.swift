internal import SluiceCore
internal import SluicePlan
internal import SluiceRecipe

/// The graph of a plan as a text that other programs draw.
enum PlanDrawing {
  /// For Graphviz.
  static func dot(_ plan: PlanExplanation) -> String {
    var text = "digraph sluice {\n  rankdir=LR;\n  node [shape=box];\n"
    for (index, pass) in plan.passes.enumerated() {
      text += "  subgraph cluster_\(index) {\n    label=\(quoted(title(pass, index)));\n"
      for (position, segment) in pass.segments.enumerated() {
        text += "    p\(index)_\(position) [label=\(quoted(label(segment, "\n")))];\n"
      }
      for (position, segment) in pass.segments.enumerated() {
        guard let channel = segment.channel else { continue }
        text += "    p\(index)_\(position) -> p\(index)_\(position + 1) "
        text += "[label=\(quoted(label(channel)))];\n"
      }
      text += "  }\n"
    }
    for (from, to) in barriers(plan) { text += "  \(from) -> \(to) [style=dashed];\n" }
    return text + "}\n"
  }

  /// For Mermaid, as Markdown viewers draw it.
  static func mermaid(_ plan: PlanExplanation) -> String {
    var text = "flowchart LR\n"
    for (index, pass) in plan.passes.enumerated() {
      text += "  subgraph pass\(index) [\(quoted(title(pass, index)))]\n"
      for (position, segment) in pass.segments.enumerated() {
        text += "    p\(index)_\(position)[\(quoted(label(segment, "<br>")))]\n"
      }
      for (position, segment) in pass.segments.enumerated() {
        guard let channel = segment.channel else { continue }
        text += "    p\(index)_\(position) -->|\(quoted(label(channel)))| "
        text += "p\(index)_\(position + 1)\n"
      }
      text += "  end\n"
    }
    for (from, to) in barriers(plan) { text += "  \(from) -.-> \(to)\n" }
    return text
  }

  /// From the last node of each pass to the first of the next.
  private static func barriers(_ plan: PlanExplanation) -> [(String, String)] {
    plan.passes.indices.dropLast().map { index in
      ("p\(index)_\(max(plan.passes[index].segments.count - 1, 0))", "p\(index + 1)_0")
    }
  }

  private static func title(_ pass: PlanExplanation.Pass, _ index: Int) -> String {
    let amount = ByteCount(pass.bytesRead + pass.bytesWritten)
    return "\(index + 1). \(pass.name): \(pass.isConditional ? "at most " : "")\(amount)"
  }

  private static func label(_ segment: PlanExplanation.Segment, _ newline: String) -> String {
    "\(segment.node) x\(segment.count)\(newline)" + segment.stages.joined(separator: newline)
  }

  private static func label(_ channel: PlanExplanation.Channel) -> String {
    "\(channel.name): \(ByteCount(channel.byteBound))"
  }

  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for character in text.replacingNewlines {
      quoted += character == "\"" ? "'" : String(character)
    }
    return quoted + "\""
  }
}

extension String {
  fileprivate var replacingNewlines: String {
    map { $0 == "\n" ? "\\n" : String($0) }.joined()
  }
}
