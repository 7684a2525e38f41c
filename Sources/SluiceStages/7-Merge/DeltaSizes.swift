/// How many deltas have which size, by powers of two.
package enum DeltaSizes {
  /// How many classes there are.
  package static let classCount = 40
  /// The power of two that the first class begins with.
  ///
  /// It holds all below, too, that are not zero; the last holds all from its own power on.
  package static let firstExponent = -32

  /// The class of a size.
  ///
  /// - Parameter exponent: The eight bits of a Float that say the exponent.
  /// - Returns: The class; nil for zero, and what is so small that it has none.
  static func index(ofExponentBits exponent: Int) -> Int? {
    guard exponent > 0 else { return nil }
    return max(0, min(exponent - 127 - firstExponent, classCount - 1))
  }
}

/// Counts sizes in one lane.
///
/// A run of like deltas would wait for one counter again and again; so four take turns.
final class DeltaSizeCounter {
  private static let (exponents, turns) = (256, 4)
  private var counts: [UInt32]

  init(modelCount: Int) {
    counts = Array(repeating: 0, count: modelCount * Self.exponents * Self.turns)
  }

  /// Counts the deltas of a model.
  func add(_ deltas: UnsafePointer<Float>, count: Int, model: Int) {
    let start = model * Self.exponents * Self.turns
    // SAFETY: every exponent of every model has its turns.
    unsafe counts.withUnsafeMutableBufferPointer { counts in
      for index in 0..<count {
        // SAFETY: the caller's buffer holds that many.
        let exponent = unsafe Int(truncatingIfNeeded: deltas[index].bitPattern >> 23 & 0xff)
        unsafe counts[start + exponent * Self.turns + index & (Self.turns - 1)] &+= 1
      }
    }
  }

  /// What was counted, class by class, model after model; counts from zero again.
  func take() -> [UInt32] {
    let models = counts.count / (Self.exponents * Self.turns)
    var sizes = [UInt32](repeating: 0, count: models * DeltaSizes.classCount)
    unsafe counts.withUnsafeMutableBufferPointer { counts in
      for place in 0..<models * Self.exponents {
        // SAFETY: every exponent of every model has its turns.
        let sum = (0..<Self.turns).reduce(0) { unsafe $0 + counts[place * Self.turns + $1] }
        let (model, exponent) = place.quotientAndRemainder(dividingBy: Self.exponents)
        guard sum > 0, let index = DeltaSizes.index(ofExponentBits: exponent) else { continue }
        sizes[model * DeltaSizes.classCount + index] += sum
      }
      unsafe counts.update(repeating: 0)
    }
    return sizes
  }
}
