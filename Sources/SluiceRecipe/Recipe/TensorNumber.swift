internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceStages

/// A number that may differ from tensor to tensor: by patterns of names, and along the depth of the
/// model.
package struct TensorNumber: Sendable, Hashable {
  /// A number, or one for each depth.
  package enum Value: Sendable, Hashable {
    /// The same everywhere.
    case constant(Double)
    /// Interpolated linearly over the numbered blocks, first to last; at least two values.
    case gradient([Double])
  }

  /// A value for the tensors whose names match.
  package struct Rule: Sendable, Hashable {
    /// A part of a name, a pattern with `*`, or a group of modules (`GroupFilter`); nil matches all.
    package var filter: String?
    /// The value.
    package var value: Value

    /// Describes a rule.
    ///
    /// - Parameters:
    ///   - filter: A part of a name, or a pattern with `*`; nil matches all.
    ///   - value: The value.
    package init(filter: String? = nil, _ value: Value) {
      self.filter = filter
      self.value = value
    }
  }

  /// The rules; the first that matches counts.
  package var rules: [Rule]

  /// Makes a number of rules.
  package init(_ rules: [Rule]) { self.rules = rules }

  /// The number, if it is the same for all tensors.
  package var constant: Double? {
    guard let first = rules.first, first.filter == nil, case .constant(let value) = first.value
    else { return nil }
    return value
  }

  /// All numbers that occur; what is interpolated lies between them.
  package var numbers: [Double] {
    rules.flatMap { rule in
      switch rule.value {
      case .constant(let value): [value]
      case .gradient(let values): values
      }
    }
  }

  /// The number for a tensor.
  ///
  /// Formula of a gradient v of n values, in block i of m: with p = i / (m - 1) * (n - 1) and j =
  /// floor(p), v[j] + (p - j) * (v[j + 1] - v[j]); p = 0 for m = 1. Tensors outside of blocks count
  /// as before the first if they embed, else as after the last.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - blockCount: The number of blocks of the model.
  /// - Returns: The number, or nil if no rule matches.
  package func value(for name: String, blockCount: Int) -> Double? {
    guard let rule = rules.first(where: { $0.matches(name, blockCount) }) else { return nil }
    switch rule.value {
    case .constant(let value): return value
    case .gradient(let values):
      let last = values.count - 1
      guard last > 0 else { return values.first }
      let depth = TensorNumber.depth(of: name, blockCount: blockCount) * Double(last)
      let lower = min(Int(depth), last - 1)
      return values[lower] + (depth - Double(lower)) * (values[lower + 1] - values[lower])
    }
  }

  private static func depth(of name: String, blockCount: Int) -> Double {
    if let block = BlockName.number(of: name) {
      return blockCount > 1 ? Double(block) / Double(blockCount - 1) : 0
    }
    return ["embed", "wte", "wpe"].contains { name.contains(bytesOf: $0) } ? 0 : 1
  }
}

extension TensorNumber.Rule {
  fileprivate func matches(_ name: String, _ blockCount: Int) -> Bool {
    guard let filter else { return true }
    if let group = GroupFilter(filter) {
      return group.matches(name, block: BlockName.number(of: name), of: blockCount)
    }
    return filter.contains("*")
      ? Glob.matches(pattern: filter, name) : name.contains(bytesOf: filter)
  }
}
