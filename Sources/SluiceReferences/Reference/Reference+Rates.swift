extension Reference {
  /// The overall rates of the partitions, most severe first.
  ///
  /// Formula: rate + Double(j) * width for j = 0, 1, ... while below 1, in reverse order; a sum
  /// that misses 1 by no more than 1e-9 counts as 1.
  /// Source: DPPA (arXiv 2403.02799), section 3.3.
  ///
  /// - Parameters:
  ///   - rate: The pruning rate, in 0 ..< 1.
  ///   - width: The distance of the rates, above 0.
  /// - Returns: At least one rate; the last is `rate`.
  package static func partitionRates(from rate: Double, width: Double) -> [Double] {
    var rates = [rate]
    var index = 1
    while rate + Double(index) * width < 1 - 1e-9 {
      rates.insert(rate + Double(index) * width, at: 0)
      index += 1
    }
    return rates
  }

  /// The pruning rate of each linear tensor from its significance.
  ///
  /// Formula: deviation[l] = significance[l] - sum(significance[j] * n[j]) / sum(n[j]);
  /// scale = maxDeviation / max|deviation|; rate[l] = overall - scale * deviation[l].
  /// Source: DPPA (arXiv 2403.02799), eq. 4 to 6 (rat -> deviation, lambda -> maxDeviation, alpha
  /// -> overall); the denominator counts linear tensors only. Everything is a Double, sums run in
  /// the given order.
  /// Edge cases: equal significances (and a single tensor) give scale 0, all rates `overall`.
  ///
  /// - Parameters:
  ///   - significance: One per linear tensor, in byte order of their names.
  ///   - elements: The number of elements of each.
  ///   - overall: The pruning rate of the whole model.
  ///   - maxDeviation: The largest distance from the overall rate, 0.08 in the paper.
  /// - Returns: One rate per tensor, clamped to 0 ... 1.
  package static func aclRates(
    significance: [Double], elements: [Int], overall: Double, maxDeviation: Double = 0.08
  ) -> [Double] {
    precondition(significance.count == elements.count)
    var weighted = 0.0
    var total = 0.0
    for (value, count) in zip(significance, elements) {
      weighted += value * Double(count)
      total += Double(count)
    }
    let mean = total == 0 ? 0 : weighted / total
    let deviations = significance.map { $0 - mean }
    let largest = deviations.map(\.magnitude).max() ?? 0
    let scale = largest == 0 ? 0 : maxDeviation / largest
    return deviations.map { min(max(overall - scale * $0, 0), 1) }
  }
}
