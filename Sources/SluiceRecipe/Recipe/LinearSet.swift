package import SluiceCore
internal import SluiceStages

/// Which tensors are linear layers, that is: pruned by their significance.
///
/// A linear layer is a matrix, or a stack of experts' matrices taken as one, named `*.weight` inside
/// a numbered block (`layers.3.`, `h.3.`, `blocks.3.`), whose name has none of `norm`, `embed`,
/// `rotary`, `lm_head`, `ln_`. That is what the authors' code finds in Llama and Mistral, without a
/// table of architectures. Patterns add and take away; `*` stands for any run of characters.
package struct LinearSet: Sendable, Hashable {
  /// Patterns of further names to prune.
  package var include: [String] = []
  /// Patterns of names not to prune; stronger than `include`.
  package var exclude: [String] = []

  /// Makes the default set.
  package init() {}

  /// Whether a tensor is a linear layer.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - shape: Its shape.
  /// - Returns: Whether it is pruned.
  package func contains(_ name: String, shape: TensorShape) -> Bool {
    if exclude.contains(where: { Glob.matches(pattern: $0, name) }) { return false }
    if include.contains(where: { Glob.matches(pattern: $0, name) }) { return true }
    return LinearSet.isLinearByName(name) && (shape.rank == 2 || shape.rank == 3)
  }

  private static let otherParts = ["norm", "embed", "rotary", "lm_head", "ln_"]

  static func isLinearByName(_ name: String) -> Bool {
    guard name.hasSuffix(".weight"), BlockName.isInBlock(name) else { return false }
    return !otherParts.contains { name.contains(bytesOf: $0) }
  }

  /// Whether a tensor is a buffer of rotary positions, copied from the base as it is.
  package static func isRotaryBuffer(_ name: String) -> Bool {
    name.contains(bytesOf: "rotary") || name.contains(bytesOf: "inv_freq")
  }
}

/// Patterns in which `*` stands for any run of characters, and everything else for itself.
package enum Glob {
  /// Whether a whole text matches.
  package static func matches(pattern: String, _ text: String) -> Bool {
    let (pattern, text) = (Array(pattern.utf8), Array(text.utf8))
    let star = UInt8(ascii: "*")
    var (p, t) = (0, 0)
    var retry: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == star {
        retry = (p + 1, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let last = retry {
        retry = (last.pattern, last.text + 1)
        (p, t) = (last.pattern, last.text + 1)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == star }
  }
}
