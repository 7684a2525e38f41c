internal import CSluiceKernels

/// One cut through a tensor: its threshold, what becomes of elements exactly on it, and how many of
/// those were seen so far.
///
/// Blocks of a tensor are visited in index order with the same cursor, so that tied elements are
/// numbered 0, 1, 2 and so on whatever the size of the blocks.
package struct TieCursor: Sendable, Hashable {
  /// Which of the tied elements a cut keeps.
  package enum Rule: Sendable, Hashable, CaseIterable {
    /// Tied element j stays if bitrev32(j) is below the limit: evenly over the tensor.
    case spread
    /// Tied element j stays if j is below the limit: the first ones.
    case index
    /// None stays.
    case dropAll
    /// All stay.
    case keepAll
  }

  /// The bits of |delta| at the cut; above 0, and 0x7f800000 or more to keep nothing.
  package var threshold: UInt32
  /// Which tied elements stay.
  package var rule: Rule
  /// What the rule compares with; up to 2^32 for `spread`, any number for `index`.
  package var limit: UInt64
  /// The number of the next tied element, in index order.
  package var next: UInt64

  /// Starts a cut at the beginning of a tensor.
  ///
  /// - Parameters:
  ///   - threshold: The bits of |delta| at the cut; must be above 0.
  ///   - rule: Which tied elements stay.
  ///   - limit: What the rule compares with.
  ///   - next: The number of the first tied element to come.
  package init(threshold: UInt32, rule: Rule, limit: UInt64 = 0, next: UInt64 = 0) {
    precondition(threshold > 0, "zeros are never kept, so no cut is at zero")
    precondition(rule != .spread || limit <= 1 << 32, "a spread limit has at most 33 bits")
    self.threshold = threshold
    self.rule = rule
    self.limit = limit
    self.next = next
  }

  var code: sluice_tie_cursor {
    let code =
      switch rule {
      case .spread: SLUICE_TIES_SPREAD
      case .index: SLUICE_TIES_INDEX
      case .dropAll: SLUICE_TIES_DROP_ALL
      case .keepAll: SLUICE_TIES_KEEP_ALL
      }
    // No magnitude is above 0x7fffffff, and kernels compare signed numbers.
    return sluice_tie_cursor(
      threshold: min(threshold, 0x7fff_ffff), rule: code, limit: limit, next: next)
  }
}
