extension Reference {
  /// What is done with a tensor in a merge.
  package enum Role: Sendable, Equatable {
    /// Pruned, amplified and merged.
    case linear
    /// Merged as it is (norms, biases, embeddings, the head).
    case nonlinear
    /// Copied from the base (rotary buffers, integers).
    case copied
  }

  /// Whether a tensor is the weight of a linear layer inside a numbered block, by its name.
  ///
  /// Source: DPPA (arXiv 2403.02799), section 4.1: seven matrices per block of a Llama. Any
  /// tensor of rank 2, or 3 (a stack of experts, one unit), counts whose name ends in
  /// `.weight`, stands under a numbered block, and has none of norm, embed, rotary, lm_head, ln_,
  /// conv, router after the block's number.
  ///
  /// - Parameters:
  ///   - name: The name of the tensor.
  ///   - rank: Its number of dimensions.
  /// - Returns: Whether it counts without further patterns.
  package static func isLinear(name: String, rank: Int) -> Bool {
    guard rank == 2 || rank == 3, name.hasSuffix(".weight") else { return false }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    let isInBlock = zip(parts, parts.dropFirst()).contains { group, number in
      groups.contains(String(group)) && !number.isEmpty
        && number.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
    guard isInBlock else { return false }
    let rest = name.dropFirst(block(name).count).lowercased()
    let others = ["norm", "embed", "rotary", "lm_head", "ln_", "conv", "router"]
    return !others.contains { rest.contains($0) }
  }

  /// What stands before the number of a block.
  static let groups: Set = ["layers", "h", "blocks", "layer", "block", "resblocks"]

  /// Whether a tensor is a buffer of rotary embeddings, which no training changes.
  package static func isRotaryBuffer(_ name: String) -> Bool {
    name.contains("rotary") || name.contains("inv_freq")
  }

  /// Whether a whole name matches a pattern in which `*` stands for any text, `?` for one byte.
  package static func matches(_ name: String, pattern: String) -> Bool {
    let pattern = Array(pattern.utf8)
    // reachable[i]: the pattern read so far matches the first i bytes of the name.
    let name = Array(name.utf8)
    var reachable = Array(repeating: false, count: name.count + 1)
    reachable[0] = true
    for symbol in pattern {
      var next = Array(repeating: false, count: name.count + 1)
      switch symbol {
      case UInt8(ascii: "*"):
        var isReached = false
        for index in next.indices {
          isReached = isReached || reachable[index]
          next[index] = isReached
        }
      default:
        for index in name.indices
        where reachable[index] && (symbol == UInt8(ascii: "?") || symbol == name[index]) {
          next[index + 1] = true
        }
      }
      reachable = next
    }
    return reachable[name.count]
  }
}
