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
    // Reversed numbers of as many bits as the largest has are multiples of a step; x comes right after one of them.
    let bits = tied > 1 ? 64 - (tied - 1).leadingZeroBitCount : 0
    let shift = UInt64(32 - bits)
    var low: UInt64 = 0
    var high: UInt64 = 1 << UInt64(bits) - 1
    while low < high {
      let middle = (low + high) >> 1
      if countOfReversed(below: middle << shift + 1, among: tied) >= kept {
        high = middle
      } else {
        low = middle + 1
      }
    }
    return low << shift + 1
  }

  /// How many j < `tied` have bitrev32(j) < `limit`: one term for each set bit of the limit.
  ///
  /// The numbers whose reversal agrees with the limit above bit 31 - b and has a 0 at that bit are
  /// those with given low b bits and bit b clear, one in every 2^(b+1).
  static func countOfReversed(below limit: UInt64, among tied: UInt64) -> UInt64 {
    if limit >= 1 << 32 { return tied }
    var count: UInt64 = 0
    var lowBits: UInt64 = 0
    for bit in 0..<32 where limit >> UInt64(31 - bit) & 1 == 1 {
      let period: UInt64 = 1 << UInt64(bit + 1)
      if lowBits < tied { count += (tied - lowBits + period - 1) / period }
      lowBits |= 1 << UInt64(bit)
    }
    return count
  }
}
