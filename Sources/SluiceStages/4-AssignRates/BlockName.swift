/// The names of the numbered blocks of a model.
public enum BlockName {
  /// What stands before the number of a block.
  public static let prefixes: Set<Substring> = ["layers", "h", "blocks"]

  /// The block that a tensor is part of.
  ///
  /// - Parameter tensor: The tensor's name, such as `model.layers.3.mlp.up_proj.weight`.
  /// - Returns: The name up to the number of the block (`model.layers.3`); the whole name for a
  ///   tensor outside all blocks, which is a block of its own.
  public static func block(of tensor: String) -> String {
    let parts = tensor.split(separator: ".", omittingEmptySubsequences: false)
    let number = parts.indices.dropFirst().first { index in
      prefixes.contains(parts[index - 1]) && !parts[index].isEmpty
        && parts[index].allSatisfy { $0.isASCII && $0.isNumber }
    }
    guard let number else { return tensor }
    return parts[...number].joined(separator: ".")
  }
}
