package import SluiceCore

/// Which tensors are pruned beyond and other than the architecture says: patterns of names, in which
/// `*` stands for any run of characters.
package struct LinearSet: Sendable, Hashable {
  /// Patterns of further names to prune.
  package var include: [String] = []
  /// Patterns of names not to prune; stronger than `include`.
  package var exclude: [String] = []

  /// Makes a set without patterns.
  package init() {}

  /// The part of a tensor once the patterns have been heard.
  ///
  /// - Parameters:
  ///   - part: The part that the architecture gives it.
  ///   - name: Its name.
  ///   - shape: Its shape.
  /// - Returns: The part that counts.
  package func adjusted(_ part: TensorPart, name: String, shape: TensorShape) -> TensorPart {
    if part.isLinear, let pattern = LinearSet.first(of: exclude, matching: name) {
      var other = part
      other.kind = .other
      other.reason = "left out by --linear-exclude \(pattern.printable)"
      other.matrixCount = 1
      return other
    }
    guard !part.isLinear, part.kind != .rotary, part.kind != .buffer, part.kind != .packed,
      LinearSet.first(of: exclude, matching: name) == nil,
      let pattern = LinearSet.first(of: include, matching: name)
    else { return part }
    var linear = part
    linear.kind = .linear
    linear.reason = "asked for by --linear-include \(pattern.printable)"
    return linear
  }

  private static func first(of patterns: [String], matching name: String) -> String? {
    patterns.first { Glob.matches(pattern: $0, name) }
  }
}
