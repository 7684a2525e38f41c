/// Which of the elements that share the value at a threshold are kept (C6 of the specification).
package enum TieBreak: String, Sendable, Hashable, CaseIterable {
  /// Those with the smallest bit-reversed running number: even over the tensor. The default.
  case spread
  /// Those with the lowest index.
  case index
  /// None; what the authors' code does.
  case drop
  /// All; what the code of TIES does.
  case keep

  /// The bound that a kept element's key stays below: the running number reversed for `spread`, the
  /// running number itself for `index`.
  ///
  /// - Parameters:
  ///   - kept: How many of the tied elements are kept, at most `tied`.
  ///   - tied: How many elements share the value, at most 2^32.
  /// - Returns: The bound, in 0 ... 2^32; 0 for rules without a key.
  package func keyLimit(keeping kept: Int, of tied: Int) -> UInt64 {
    switch self {
    case .drop, .keep: 0
    case .index: UInt64(kept)
    case .spread: TieBreak.spreadLimit(keeping: UInt64(kept), of: UInt64(tied))
    }
  }

  /// The smallest x such that exactly `kept` of the numbers j < `tied` have bitrev32(j) < x.
  private static func spreadLimit(keeping kept: UInt64, of tied: UInt64) -> UInt64 {
    precondition(kept <= tied && tied <= 1 << 32)
    guard kept > 0 else { return 0 }
    // The number with so many before it is found bit by bit, the highest first: of those that agree with it so far,
    // one in every 2^(bit+1) has a zero next. x comes right after it.
    let bits = tied > 1 ? 64 - (tied - 1).leadingZeroBitCount : 0
    var (limit, lowBits, left) = (0 as UInt64, 0 as UInt64, kept)
    for bit in 0..<bits {
      let period: UInt64 = 1 << UInt64(bit + 1)
      let zeros = lowBits < tied ? (tied - lowBits + period - 1) >> UInt64(bit + 1) : 0
      // Without a branch, which nobody could foresee.
      let isBehind: UInt64 = left > zeros ? 1 : 0
      left &-= zeros &* isBehind
      lowBits |= isBehind << UInt64(bit)
      limit |= isBehind << UInt64(31 - bit)
    }
    return limit + 1
  }
}
