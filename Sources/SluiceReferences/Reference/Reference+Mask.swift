extension Reference {
  /// The order among elements of equal |delta|, and what happens to them at a threshold.
  package enum TieBreak: String, Sendable, CaseIterable {
    /// The exact number is kept; bit-reversed counts spread the kept ties over the tensor.
    case spread
    /// The exact number is kept; the lowest index comes first.
    case index
    /// Every element that equals the threshold is pruned.
    case drop
    /// Every element that equals the threshold is kept.
    case keep
  }

  /// The elements that one pruning rate keeps in one tensor.
  package struct Mask: Sendable, Equatable {
    /// Whether each element is kept.
    package var isKept: [Bool]
    /// The smallest |delta| within the quota (the quota-th in descending order, zeros included);
    /// infinity if the quota is zero.
    package var threshold: Float
    /// The number of elements whose |delta| equals the threshold.
    package var tied: Int
  }

  /// Prunes one tensor at each of several rates.
  ///
  /// Formula: quota = n - floor(rate * n); kept are the first `quota` elements in the order
  /// (|delta| descending, tie key ascending), without zeros. Tie key of `spread`: bitrev32(j), of
  /// `index`: j, where j counts the elements before this one in index order that have the same
  /// |delta|. `drop` keeps what exceeds the threshold, `keep` what reaches it.
  /// Source: DPPA (arXiv 2403.02799), section 3.2 (alpha_l -> rate); the order of ties is ours, as
  /// the paper has none.
  /// Edge cases: a rate of 1 or more keeps nothing, of 0 or less everything but zeros.
  ///
  /// - Parameters:
  ///   - delta: Finite deltas.
  ///   - rates: The pruning rates.
  ///   - tieBreak: What happens among equals.
  /// - Returns: One mask per rate.
  package static func masks(
    of delta: [Float], rates: [Double], tieBreak: TieBreak = .spread
  ) -> [Mask] {
    let ranks = ranks(of: delta, tieBreak: tieBreak)
    let order = ranks.sorted()
    return rates.map { rate in
      let quota = quota(elements: delta.count, rate: rate)
      guard quota > 0 else {
        return Mask(
          isKept: Array(repeating: false, count: delta.count), threshold: .infinity, tied: 0)
      }
      let last = order[quota - 1]
      let threshold = Float(bitPattern: ~UInt32(last >> 32))
      let isKept = zip(delta, ranks).map { value, rank in
        guard value != 0 else { return false }
        guard rate > 0 else { return true }
        switch tieBreak {
        case .spread, .index: return rank <= last
        case .drop: return value.magnitude > threshold
        case .keep: return value.magnitude >= threshold
        }
      }
      let tied = delta.count { $0.magnitude == threshold }
      return Mask(isKept: isKept, threshold: threshold, tied: tied)
    }
  }

  /// How many elements a pruning rate leaves.
  ///
  /// - Parameters:
  ///   - elements: The number of elements n.
  ///   - rate: The pruning rate.
  /// - Returns: n - floor(rate * n), within 0 ... n.
  package static func quota(elements: Int, rate: Double) -> Int {
    if rate >= 1 { return 0 }
    if rate <= 0 { return elements }
    return elements - Int((rate * Double(elements)).rounded(.down))
  }

  /// Numbers that sort as (|delta| descending, tie key ascending); no two are equal.
  ///
  /// The upper half is the complement of the bits of |delta|, which order as the magnitudes
  /// do; the lower half is the tie key, distinct among equals.
  ///
  /// - Parameters:
  ///   - delta: Finite deltas.
  ///   - tieBreak: What the tie key is.
  /// - Returns: One number per element.
  private static func ranks(of delta: [Float], tieBreak: TieBreak) -> [UInt64] {
    var seen: [UInt32: UInt32] = [:]
    return delta.map { value in
      let magnitude = value.magnitude.bitPattern
      let before = seen[magnitude, default: 0]
      seen[magnitude] = before + 1
      let key = tieBreak == .spread ? bitrev32(before) : before
      return UInt64(~magnitude) << 32 | UInt64(key)
    }
  }
}
