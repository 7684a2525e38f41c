extension Reference {
  /// Adds numbers exactly and rounds once, to nearest, ties to even.
  ///
  /// Formula: round(x[0] + x[1] + ...).
  /// Source: J. R. Shewchuk, "Adaptive Precision Floating-Point Arithmetic and Fast Robust
  /// Geometric Predicates", 1997, Grow-Expansion. The running sum is an expansion: doubles in order
  /// of magnitude whose bits do not overlap and whose exact sum is the sum so far. Every step is an
  /// error-free transformation, so the result does not depend on the order of the terms.
  /// - Parameter values: Finite numbers whose sum does not overflow.
  /// - Returns: The correctly rounded sum; 0 for no numbers.
  package static func exactSum(_ values: some Sequence<Double>) -> Double {
    var parts: [Double] = []
    for value in values {
      var carry = value
      var used = 0
      for index in parts.indices {
        let (sum, error) = twoSum(carry, parts[index])
        if error != 0 {
          parts[used] = error
          used += 1
        }
        carry = sum
      }
      parts.removeSubrange(used...)
      if carry != 0 { parts.append(carry) }
    }
    return rounded(parts)
  }

  /// Adds two numbers: rounded sum and exact error (Knuth).
  ///
  /// - Parameters:
  ///   - a: One number.
  ///   - b: Another.
  /// - Returns: The rounded sum, and what is missing to the exact one.
  static func twoSum(_ a: Double, _ b: Double) -> (sum: Double, error: Double) {
    let sum = a + b
    let fromB = sum - a
    let fromA = sum - fromB
    return (sum, (a - fromA) + (b - fromB))
  }

  /// Rounds an expansion to one number.
  ///
  /// The head absorbs parts from the largest down until one leaves an error. Only if that error is
  /// exactly half a unit of the head can the smaller parts still matter: they say on which side of
  /// the middle the sum lies, where ties-to-even looked at the middle itself.
  ///
  /// - Parameter parts: A nonoverlapping expansion, smallest part first.
  /// - Returns: The correctly rounded sum of the parts.
  static func rounded(_ parts: [Double]) -> Double {
    guard var head = parts.last else { return 0 }
    var rest = parts.count - 1
    while rest > 0 {
      rest -= 1
      let (sum, error) = twoSum(head, parts[rest])
      head = sum
      if error == 0 { continue }
      if rest > 0, (error > 0) == (parts[rest - 1] > 0) {
        let (next, missing) = twoSum(head, 2 * error)
        // Exactly representable twice the error: the error was half a unit, the sum beyond it.
        if missing == 0 { head = next }
      }
      return head
    }
    return head
  }
}
