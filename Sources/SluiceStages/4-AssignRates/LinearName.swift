/// The names of linear layers inside their block.
package enum LinearName {
  /// The name inside the block without `.weight`; numbers in it (those of experts) become `*`.
  package static func linear(of name: String, block: String) -> String {
    var rest = name == block ? Substring(name) : name.dropFirst(block.count + 1)
    if rest.hasSuffix(".weight") { rest = rest.dropLast(7) }
    return rest.split(separator: ".", omittingEmptySubsequences: false).map { part in
      !part.isEmpty && part.allSatisfy { $0.isASCII && $0.isNumber } ? "*" : String(part)
    }.joined(separator: ".")
  }
}
