internal import SluiceMethods

/// Nodes written again on one line, in one way whatever they looked like before.
extension RecipeNode {
  /// The entries of a mapping, without its braces; empty for anything else.
  var flowEntries: String {
    guard case .map(let entries) = content else { return "" }
    return entries.map { "\($0.key.flowKey.asFlowKey): \($0.value.flowText)" }
      .joined(separator: ", ")
  }

  /// A key: without quotes where no reader of YAML takes it for anything else.
  private var flowKey: String {
    guard case .scalar(let text, _) = content else { return flowText }
    let isWord = text.utf8.first.map { $0 >= UInt8(ascii: "A") } ?? false
    let isPlain = text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    guard isWord, isPlain, !YAMLWords.isTruth(text), !YAMLWords.isNull(text),
      !YAMLWords.looksLikeNumber(text)
    else { return RecipeNode.quoted(text) }
    return text
  }

  /// The node on one line.
  var flowText: String {
    switch content {
    case .scalar(let text, isPlain: true):
      isNothing
        ? "null"
        : RecipeNode.number(text)
          ?? (text == "true" || text == "false" ? text : RecipeNode.quoted(text))
    case .scalar(let text, isPlain: false): RecipeNode.quoted(text)
    case .list(let items): "[\(items.map(\.flowText).joined(separator: ", "))]"
    case .map: "{\(flowEntries)}"
    }
  }

  /// A number in the shortest way that means it; whole ones without a point, of any length.
  private static func number(_ text: String) -> String? {
    guard let number = Decimal.parse(text) else { return nil }
    if text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) { return text }
    return AnyParameterValue.number(number).recipeText
  }

  /// A text in double quotes, as YAML and JSON read it.
  static func quoted(_ text: String) -> String { text.quotedForYAML }
}
