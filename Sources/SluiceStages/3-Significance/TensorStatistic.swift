public import SluiceKernels

/// A number that describes a whole tensor of deltas: the place `significance` in the chain, and what
/// other stages may ask for.
///
/// It is computed from the tensor's histogram, the exact multiset of |delta|: so it cannot depend on
/// the order in which elements were counted, and costs no look at the data of its own.
public protocol TensorStatistic: Sendable {
  /// The name in recipes, plans and messages.
  var name: String { get }

  /// Computes the number.
  ///
  /// - Parameter histogram: The magnitudes of the whole tensor.
  /// - Returns: The number.
  /// - Throws: `Unresolved` if a bin must be counted in detail first; ask again then.
  func value(of histogram: MagnitudeHistogram) throws(MagnitudeHistogram.Unresolved) -> Double

  /// Computes the number where the sum of all magnitudes is known already.
  ///
  /// - Parameters:
  ///   - histogram: The magnitudes of the whole tensor.
  ///   - sum: Their sum.
  /// - Returns: The number, the same as without the sum.
  /// - Throws: `Unresolved` if a bin must be counted in detail first; ask again then.
  func value(
    of histogram: MagnitudeHistogram, sum: Double
  ) throws(MagnitudeHistogram.Unresolved) -> Double
}

extension TensorStatistic {
  /// Computes the number without the sum.
  public func value(
    of histogram: MagnitudeHistogram, sum: Double
  ) throws(MagnitudeHistogram.Unresolved) -> Double { try value(of: histogram) }
}

/// The share of the magnitude, or of the elements, that lies above a multiple of the mean.
///
/// Formula: sum of |x| over |x| > multiple * mean, divided by the sum of |x|, or their number divided
/// by n; 0 for a zero sum. Sums are exact and rounded once, the comparison is strict.
/// Source: DPPA, later version, eq. 2-3 (N -> multiple); the number is its ablation, and what the
/// authors' code counts.
public struct SignificantShare: TensorStatistic, Hashable {
  /// How many times the mean a delta must exceed.
  public let multiple: Double
  /// What is counted above that.
  public let measure: SignificanceMeasure

  /// Makes the statistic.
  ///
  /// - Parameters:
  ///   - multiple: How many times the mean a delta must exceed.
  ///   - measure: What is counted above that.
  public init(multiple: Double, measure: SignificanceMeasure = .mass) {
    self.multiple = multiple
    self.measure = measure
  }

  /// The name.
  public var name: String { "significance" }

  /// The share.
  ///
  /// - Parameter histogram: The magnitudes of the tensor.
  /// - Returns: A number in 0 ... 1.
  /// - Throws: `Unresolved` if the bound lies inside a bin.
  public func value(of histogram: MagnitudeHistogram) throws(MagnitudeHistogram.Unresolved)
    -> Double
  {
    try value(of: histogram, sum: histogram.sum)
  }

  /// The share, where the sum is known.
  ///
  /// - Parameters:
  ///   - histogram: The magnitudes of the tensor.
  ///   - sum: Their sum.
  /// - Returns: A number in 0 ... 1.
  /// - Throws: `Unresolved` if the bound lies inside a bin.
  public func value(
    of histogram: MagnitudeHistogram, sum: Double
  ) throws(MagnitudeHistogram.Unresolved) -> Double {
    let count = histogram.elementCount
    guard sum > 0 else { return 0 }
    let bound = multiple * (sum / Double(count))
    switch measure {
    case .mass: return try histogram.sum(above: bound) / sum
    case .count: return Double(try histogram.count(above: bound)) / Double(count)
    }
  }
}

/// The mean of |delta| over all elements, zeros included.
public struct MeanMagnitude: TensorStatistic, Hashable {
  /// Makes the statistic.
  public init() {}

  /// The name.
  public var name: String { "mean" }

  /// The mean.
  ///
  /// - Parameter histogram: The magnitudes of the tensor.
  /// - Returns: The mean, 0 for no element.
  public func value(of histogram: MagnitudeHistogram) -> Double {
    let count = histogram.elementCount
    return count > 0 ? histogram.sum / Double(count) : 0
  }
}

/// The magnitude that a share of the elements does not exceed.
///
/// Formula: the k-th smallest |delta| with k = ceil(share * n), at least 1. 1 gives the largest.
public struct MagnitudeQuantile: TensorStatistic, Hashable {
  /// The share of elements, from 0 to 1.
  public let share: Double

  /// Makes the statistic.
  ///
  /// - Parameter share: The share of elements, in 0 ... 1.
  public init(share: Double) {
    precondition(share >= 0 && share <= 1)
    self.share = share
  }

  /// The name.
  public var name: String { share == 1 ? "largest" : "quantile \(share)" }

  /// The magnitude.
  ///
  /// - Parameter histogram: The magnitudes of the tensor.
  /// - Returns: The magnitude, 0 for no element.
  /// - Throws: `Unresolved` if it lies inside a bin.
  public func value(of histogram: MagnitudeHistogram) throws(MagnitudeHistogram.Unresolved)
    -> Double
  {
    let wanted = max(1, Int((share * Double(histogram.elementCount)).rounded(.up)))
    var seen = 0
    for (index, bits) in histogram.bits.enumerated() {
      seen += Int(histogram.counts[index])
      guard seen >= wanted else { continue }
      if histogram.isBin(at: index) { throw MagnitudeHistogram.Unresolved(binBits: bits) }
      return Double(Float(bitPattern: bits))
    }
    return 0
  }
}
