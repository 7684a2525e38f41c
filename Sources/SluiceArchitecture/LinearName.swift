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

  /// Short names for columns: the last part of each, where these differ.
  package static func short(_ names: [String]) -> [String] {
    let last = names.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
    return Set(last).count == names.count ? last : names
  }
}
