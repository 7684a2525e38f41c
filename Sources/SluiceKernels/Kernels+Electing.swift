internal import CSluiceKernels

/// The sign that is elected where the deltas add up to zero.
package enum ZeroSign: Sendable, Hashable, CaseIterable {
  /// Plus.
  case positive
  /// Minus.
  case negative
  /// None: the merged delta is zero.
  case drop
}

/// What becomes of the deltas that have the elected sign.
package enum ElectedAggregation: Sendable, Hashable, CaseIterable {
  /// Their sum, divided by their number.
  case mean
  /// Their sum.
  case sum
  /// Their sum, divided by the sum of their models' weights unless that is 0.
  case weightedMean
  /// The sum of weight * delta.
  case scaledSum
}

extension Kernels {
  /// Merges deltas by electing a sign.
  ///
  /// With s = ((d1 + d2) + d3) and so on, the elected sign is that of s; what has it is summed in
  /// model order, and divided as the aggregation says. Everything is Float32. The merged delta is 0 where no delta has the elected sign.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model, finite.
  ///   - weights: One weight for each model; used by `weightedMean` and `scaledSum` only.
  ///   - modelCount: How many models, at least one.
  ///   - count: How many elements.
  ///   - zeroSign: The sign that a sum of zero elects.
  ///   - aggregation: What becomes of the deltas that have the elected sign.
  ///   - merged: Receives `count` numbers; may be one of the inputs.
  package func mergeElected(
    _ deltas: UnsafePointer<UnsafePointer<Float>>, weights: UnsafePointer<Float>, modelCount: Int,
    count: Int, zeroSign: ZeroSign, aggregation: ElectedAggregation,
    into merged: UnsafeMutablePointer<Float>
  ) {
    precondition(modelCount > 0, "there is something to merge")
    // Safety: the caller guarantees `count` numbers for each model and for the result.
    unsafe functions.pointee.merge_elected(
      deltas, weights, modelCount, zeroSign.code, aggregation.code, count, merged)
  }

  /// Counts how many more sums of deltas are positive than negative.
  ///
  /// - Parameters:
  ///   - deltas: The deltas of each model.
  ///   - modelCount: How many models, at least one.
  ///   - count: How many elements.
  /// - Returns: The number of positive sums minus that of negative ones.
  package func countSigns(
    _ deltas: UnsafePointer<UnsafePointer<Float>>, modelCount: Int, count: Int
  ) -> Int {
    precondition(modelCount > 0, "there is something to count")
    // Safety: the caller guarantees `count` numbers for each model.
    return unsafe Int(functions.pointee.count_signs(deltas, modelCount, count))
  }
}

extension ZeroSign {
  fileprivate var code: sluice_zero_sign {
    switch self {
    case .positive: SLUICE_ZERO_POSITIVE
    case .negative: SLUICE_ZERO_NEGATIVE
    case .drop: SLUICE_ZERO_DROPS
    }
  }
}

extension ElectedAggregation {
  fileprivate var code: sluice_aggregation {
    switch self {
    case .mean: SLUICE_MEAN
    case .sum: SLUICE_SUM
    case .weightedMean: SLUICE_WEIGHTED_MEAN
    case .scaledSum: SLUICE_SCALED_SUM
    }
  }
}
