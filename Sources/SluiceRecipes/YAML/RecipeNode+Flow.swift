internal import SluicePipeline

/// Nodes written again on one line, in one way whatever they looked like before.
extension RecipeNode {
  /// The entries of a mapping, without its braces; empty for anything else.
  var flowEntries: String {
    guard case .map(let entries) = content else { return "" }
    return entries.map { "\($0.key.flowText): \($0.value.flowText)" }.joined(separator: ", ")
  }

  /// The node on one line.
  var flowText: String {
    switch content {
    case .scalar(let text, isPlain: true):
      isNothing
        ? "null"
        : Decimal.parse(text).map { "\($0)" }
          ?? (text == "true" || text == "false" ? text : RecipeNode.quoted(text))
    case .scalar(let text, isPlain: false): RecipeNode.quoted(text)
    case .list(let items): "[\(items.map(\.flowText).joined(separator: ", "))]"
    case .map: "{\(flowEntries)}"
    }
  }

  /// A text in double quotes, as YAML and JSON read it.
  static func quoted(_ text: String) -> String { text.quotedForYAML }
}
