/// What a rule knows of one linear layer of one model.
public struct LinearStatistics: Sendable, Hashable {
  /// The tensor's name; layers are given in byte order of their names.
  public let name: String
  /// The number of elements.
  public let elementCount: Int
  /// The number of deltas that are exactly zero.
  public let zeroCount: Int
  /// The mean of |delta| over all elements.
  public let mean: Double
  /// The share of the magnitude that lies above N times the mean.
  ///
  /// Source: DPPA, later version, eq. 2-3.
  public let significance: Double

  /// Describes a layer.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - elementCount: The number of elements.
  ///   - zeroCount: The number of deltas that are exactly zero.
  ///   - mean: The mean of |delta| over all elements.
  ///   - significance: The share of the magnitude above N times the mean.
  public init(
    name: String, elementCount: Int, zeroCount: Int, mean: Double, significance: Double
  ) {
    self.name = name
    self.elementCount = elementCount
    self.zeroCount = zeroCount
    self.mean = mean
    self.significance = significance
  }
}

/// A rule that turns the significance of all linear layers of a model into a shift of each layer's
/// pruning rate: the place `assign-rates` in the chain.
public protocol RateRule: Sendable {
  /// The name in recipes and reports.
  var name: String { get }

  /// The amount by which each layer's pruning rate lies above the requested one.
  ///
  /// - Parameter layers: All linear layers of one model, in byte order of their names.
  /// - Returns: One number for each layer; the rate is the requested one plus this, clamped to 0 ... 1.
  func rateShifts(for layers: [LinearStatistics]) -> [Double]
}

/// The same rate for every layer.
public struct UniformRates: RateRule {
  /// Makes the rule.
  public init() {}

  /// The name in recipes and reports.
  public var name: String { "uniform" }

  /// No shift for any layer.
  ///
  /// - Parameter layers: The layers.
  /// - Returns: Zeros.
  public func rateShifts(for layers: [LinearStatistics]) -> [Double] {
    Array(repeating: 0, count: layers.count)
  }
}
