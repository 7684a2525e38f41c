extension Reference {
  /// How the factors of nested partitions act on an element that several of them contain.
  package enum Combine: String, Sendable, CaseIterable {
    /// The factor of the most severe partition that contains the element.
    case ring
    /// The factor of largest magnitude among all partitions that contain it; the more severe of
    /// equals.
    case max
  }

  /// Applies masks and amplification factors to one tensor's delta.
  ///
  /// Formula: out[i] = factor * delta[i] in Float32 if a mask keeps i, else 0.
  /// Source: DPPA (arXiv 2403.02799), section 3.3. A partition's own elements are those of its mask
  /// that no more severe mask keeps.
  ///
  /// - Parameters:
  ///   - delta: The delta.
  ///   - masks: Nested masks, most severe first.
  ///   - factors: One factor per mask.
  ///   - combine: Which factor acts on an element of several masks.
  /// - Returns: The amplified delta, and how many elements each partition alone holds.
  package static func amplified(
    _ delta: [Float], masks: [Mask], factors: [Double], combine: Combine = .ring
  ) -> (values: [Float], kept: [Int]) {
    precondition(masks.count == factors.count)
    let factors = factors.map { Float($0) }
    var kept = Array(repeating: 0, count: masks.count)
    let values = delta.indices.map { (index) -> Float in
      var factor: Float?
      for (partition, mask) in masks.enumerated() where mask.isKept[index] {
        guard let inner = factor else {
          kept[partition] += 1
          factor = factors[partition]
          continue
        }
        if combine == .max, factors[partition].magnitude > inner.magnitude {
          factor = factors[partition]
        }
      }
      return factor.map { $0 * delta[index] } ?? 0
    }
    return (values, kept)
  }

  /// Merges the deltas of one element by TIES without a trim.
  ///
  /// Formula: sign = sign of ((d1 + d2) + d3 ...), plus if that is 0; result = sum of the d of
  /// that sign, in order, / their number; 0 if there are none.
  /// Source: TIES (arXiv 2306.01708), steps 2 and 3 (elect, disjoint mean); a zero sum elects
  /// plus, so that no look at the whole model is needed. Float32 throughout.
  ///
  /// - Parameter deltas: One finite delta per model, in the order of the models.
  /// - Returns: The merged delta.
  package static func ties(_ deltas: [Float]) -> Float {
    guard let first = deltas.first else { return 0 }
    let total = deltas.dropFirst().reduce(first, +)
    let agreeing = deltas.filter { total < 0 ? $0 < 0 : $0 > 0 }
    guard let start = agreeing.first else { return 0 }
    return agreeing.dropFirst().reduce(start, +) / Float(agreeing.count)
  }
}
