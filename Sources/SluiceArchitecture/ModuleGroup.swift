internal import SluiceCore

/// What a tensor of a model is part of; each is part of one group.
package enum ModuleGroup: String, Sendable, Hashable, CaseIterable {
  /// The attention of a block.
  case attention
  /// What else a block has, but for norms.
  case mlp
  /// What comes before the blocks.
  case embedding
  /// What comes behind them.
  case head
  /// Norms, wherever they are.
  case norms

  /// Whether the group lies in blocks, so that it has a depth.
  package var isInBlocks: Bool { self == .attention || self == .mlp }

  /// The group of a tensor, by the parts of its name.
  ///
  /// - Parameter name: The tensor's name.
  package init(of name: String) {
    let parts = name.lowercased().split(separator: ".").map(String.init)
    if parts.contains(where: ModuleGroup.isNorm) {
      self = .norms
    } else if BlockName.isInBlock(name) {
      let isAttention = parts.contains {
        $0 == "att" || $0.contains(bytesOf: "attn") || $0.contains(bytesOf: "attention")
      }
      self = isAttention ? .attention : .mlp
    } else {
      let isHead =
        BlockName.isBehindBlocks(name)
        || parts.contains { ["cls", "pooler", "classifier"].contains($0) }
      self = isHead ? .head : .embedding
    }
  }

  private static func isNorm(_ part: String) -> Bool {
    part.contains(bytesOf: "norm") || part.hasPrefix("ln_")
  }

  /// The third of the depth that a block lies in, from 0.
  ///
  /// Formula: of m blocks, third t has those from floor(m t / 3) to before floor(m (t + 1) / 3).
  ///
  /// - Parameters:
  ///   - block: The number of the block.
  ///   - count: The number of blocks.
  /// - Returns: 0, 1 or 2.
  package static func third(of block: Int, among count: Int) -> Int {
    (0..<2).first { block < count * ($0 + 1) / 3 } ?? 2
  }
}

/// A filter that chooses tensors by their group, in all of the depth or in a third: `@norms`, `@attention/1`.
package struct GroupFilter: Sendable, Hashable {
  /// What such filters begin with.
  package static let sign = "@"
  /// The group.
  package let group: ModuleGroup
  /// The third of the depth, from 0; all of it if nil.
  package let third: Int?

  /// Describes a filter.
  package init(_ group: ModuleGroup, third: Int? = nil) {
    (self.group, self.third) = (group, third)
  }

  /// Reads a filter; nil for one that is none.
  package init?(_ text: String) {
    guard text.hasPrefix(GroupFilter.sign) else { return nil }
    let parts = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    guard let group = parts.first.flatMap({ ModuleGroup(rawValue: String($0)) }) else { return nil }
    switch parts.count {
    case 1: self.init(group)
    case 2 where group.isInBlocks && ["1", "2", "3"].contains(parts[1]):
      self.init(group, third: Int(parts[1]).map { $0 - 1 })
    default: return nil
    }
  }

  /// The text that it is read from.
  package var text: String {
    "\(GroupFilter.sign)\(group.rawValue)\(third.map { "/\($0 + 1)" } ?? "")"
  }

  /// Whether a tensor is meant.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - block: The number of its block; nil outside of blocks.
  ///   - count: The number of blocks.
  /// - Returns: Whether it is in the group, and in the third.
  package func matches(_ name: String, block: Int?, of count: Int) -> Bool {
    guard ModuleGroup(of: name) == group else { return false }
    guard let third else { return true }
    return block.map { ModuleGroup.third(of: $0, among: count) == third } ?? false
  }
}
