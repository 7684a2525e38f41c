extension ScalarKernels {
  /// Adds up the deltas of all models at one position, in model order.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - index: The position.
  /// - Returns: The sum in Float32.
  package static func sum(_ deltas: [[Float]], at index: Int) -> Float {
    deltas.dropFirst().reduce(deltas[0][index]) { sum, delta in sum + delta[index] }
  }

  /// Merges by electing the sign of the sum, and averaging the deltas that have it.
  package static func mergedByTies(_ deltas: [[Float]]) -> [Float] {
    if deltas.count == 1 { return deltas[0] }
    return deltas[0].indices.map { index in
      let isPositive = sum(deltas, at: index) >= 0
      let agreeing = deltas.map { $0[index] }.filter { isPositive ? $0 > 0 : $0 < 0 }
      var total: Float = 0
      for value in agreeing { total += value }
      return total / Float(max(1, agreeing.count))
    }
  }

  /// Merges by adding up.
  package static func mergedBySum(_ deltas: [[Float]]) -> [Float] {
    deltas[0].indices.map { sum(deltas, at: $0) }
  }

  /// Merges by averaging over all models.
  package static func mergedByMean(_ deltas: [[Float]]) -> [Float] {
    deltas[0].indices.map { sum(deltas, at: $0) / Float(deltas.count) }
  }
}
