package import SluiceKernels

/// Orthonormal bases of a few vectors, which lie one behind the other.
///
/// Modified Gram-Schmidt in Double: each vector against those before it, and up to twice more while less than half
/// of its norm is left. Sums have the order of `Kernels.dot`, so that the bits depend on the numbers alone. A vector that
/// depends on those before it, up to 1e-10 of its norm, becomes zero.
package enum ThinBasis {
  /// What is left of a vector, as a share of its norm, below which it depends on others.
  package static let leastShare = 1e-10
  /// What is left of a vector, as a share of its norm, below which others are taken from it again.
  package static let safeShare = 0.5

  /// Replaces vectors by a basis of what they span.
  ///
  /// - Parameters:
  ///   - vectors: The vectors.
  ///   - count: How many.
  ///   - length: The numbers of each.
  ///   - kernels: The kernels to compute with.
  package static func orthonormalise(
    _ vectors: UnsafeMutablePointer<Double>, count: Int, length: Int, kernels: Kernels
  ) {
    // SAFETY: the caller guarantees `count * length` numbers.
    for index in 0..<count {
      let own = unsafe vectors + index * length
      let norm = unsafe kernels.dot(own, own, count: length).squareRoot()
      var left = norm
      for _ in 0..<3 {
        for other in 0..<index {
          let earlier = unsafe vectors + other * length
          let share = unsafe kernels.dot(earlier, own, count: length)
          unsafe kernels.add(-share, times: earlier, to: own, count: length)
        }
        let before = left
        left = unsafe kernels.dot(own, own, count: length).squareRoot()
        if left >= safeShare * before || left <= leastShare * norm { break }
      }
      let isIndependent = left > leastShare * norm
      for place in 0..<length { unsafe own[place] = isIndependent ? own[place] / left : 0 }
    }
  }
}
