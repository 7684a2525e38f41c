/// The fraction of a model's deltas that is removed (the paper's alpha), in 0 ..< 1.
public struct PruningRate: Sendable, Hashable, Comparable {
  /// The fraction.
  public let value: Double

  /// Wraps a fraction, or gives nil if it is not in 0 ..< 1.
  ///
  /// - Parameter value: The fraction removed.
  public init?(_ value: Double) {
    guard value >= 0, value < 1 else { return nil }
    self.value = value
  }

  /// One minus a density, in decimal: 0.9 gives 0.1, as somebody who writes 0.1 gets it, and not
  /// 0.09999999999999998.
  ///
  /// - Parameter density: The fraction kept.
  /// - Returns: The fraction removed.
  public static func value(keeping density: Double) -> Double {
    let difference = 1 - density
    let decimal = (difference * 1e12).rounded() / 1e12
    return abs(decimal - difference) < 1e-15 ? decimal : difference
  }

  /// The rate of the paper's main experiments: 0.8.
  public static let standard = PruningRate(unchecked: 0.8)
  /// Nothing is pruned.
  package static let none = PruningRate(unchecked: 0)

  private init(unchecked value: Double) { self.value = value }

  /// Orders by the fraction removed.
  ///
  /// - Parameters:
  ///   - a: One rate.
  ///   - b: Another.
  /// - Returns: Whether the first removes less.
  public static func < (a: PruningRate, b: PruningRate) -> Bool { a.value < b.value }

  /// The rates that bound the partitions of a pruning rate, most severe first.
  ///
  /// Formula: `rate + j * width` for j = 0, 1, ... while below 1, in reverse order.
  /// Source: DPPA section 3.3 (alpha -> rate, beta -> width); 0.8 and 0.1 give 0.9, 0.8.
  /// A sum that misses 1 by less than 1e-9 counts as 1, so that 0.7 + 3 * 0.1 is no partition.
  ///
  /// - Parameter width: The paper's beta, above 0.
  /// - Returns: At least one rate; the last is the rate itself.
  public func partitions(width: Double) -> [PruningRate] {
    precondition(width > 0)
    var rates = [self]
    var step = 1.0
    while let next = PruningRate(value + step * width), next.value < 1 - 1e-9 {
      rates.append(next)
      step += 1
    }
    return rates.reversed()
  }
}
