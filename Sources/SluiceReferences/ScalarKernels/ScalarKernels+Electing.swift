package import SluiceKernels

extension ScalarKernels {
  /// Merges by electing a sign, in every way that the kernels know.
  package static func elected(
    _ deltas: [[Float]], weights: [Float], zeroSign: ZeroSign, aggregation: ElectedAggregation
  ) -> [Float] {
    deltas[0].indices.map { index in
      let sum = sum(deltas, at: index)
      if sum == 0, zeroSign == .drop { return 0 }
      let isPositive = sum > 0 || (sum == 0 && zeroSign == .positive)
      var total: Float = 0
      var divisor: Float = 0
      for (model, delta) in deltas.enumerated()
      where isPositive ? delta[index] > 0 : delta[index] < 0 {
        total += aggregation == .scaledSum ? weights[model] * delta[index] : delta[index]
        divisor += aggregation == .mean ? 1 : weights[model]
      }
      if aggregation == .sum || aggregation == .scaledSum { return total }
      return total / (divisor == 0 ? 1 : divisor)
    }
  }
}
