internal import SluiceArchitecture
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
  /// The share of the magnitude, or of the elements, that lies above N times the mean.
  ///
  /// Source: DPPA, later version, eq. 2-3.
  public let significance: Double
  /// The name of the block that the layer is part of: few rules ask for it.
  public var block: String { ownBlock ?? BlockName.block(of: name) }
  /// The significance of all linear layers of the block taken as one, with one mean; 0 where the
  /// rule does not ask for it.
  public var blockSignificance = 0.0
  /// The name of the block if it is another than the tensor's name says.
  private let ownBlock: String?

  /// Describes a layer.
  ///
  /// - Parameters:
  ///   - name: The tensor's name.
  ///   - elementCount: The number of elements.
  ///   - zeroCount: The number of deltas that are exactly zero.
  ///   - mean: The mean of |delta| over all elements.
  ///   - significance: The share above N times the mean.
  ///   - block: The name of the block; that of the layer if nil.
  public init(
    name: String, elementCount: Int, zeroCount: Int, mean: Double, significance: Double,
    block: String? = nil
  ) {
    self.name = name
    self.elementCount = elementCount
    self.zeroCount = zeroCount
    self.mean = mean
    self.significance = significance
    ownBlock = block.flatMap { $0 == BlockName.block(of: name) ? nil : $0 }
  }
}

/// A rule that turns the significance of all linear layers of a model into a shift of each layer's
/// pruning rate: the place `assign-rates` in the chain.
public protocol RateRule: Sendable {
  /// The name in recipes and reports.
  var name: String { get }
  /// What is counted as the significance of a layer, unless the recipe says otherwise.
  var measure: SignificanceMeasure { get }
  /// Whether the rule looks at the significance of whole blocks, and how many times the block's mean
  /// a delta must then exceed.
  var blockMultiple: BlockMultiple { get }

  /// How far a rate may lie from the requested one at most; nil if there is no bound.
  ///
  /// With a bound, what no rate can keep need not be kept between the passes.
  var largestShift: Double? { get }

  /// The amount by which each layer's pruning rate lies above the requested one.
  ///
  /// - Parameter layers: All linear layers of one model, in byte order of their names.
  /// - Returns: One number for each layer; the rate is the requested one plus this, clamped to 0 ... 1.
  func rateShifts(for layers: [LinearStatistics]) -> [Double]
}

/// What the significance of a layer counts above N times the mean.
public enum SignificanceMeasure: String, Sendable, Hashable, CaseIterable {
  /// The share of the sum of |delta|.
  case mass
  /// The share of the elements.
  case count
}

/// How many times the mean of its block a delta must exceed.
public enum BlockMultiple: Sendable, Hashable {
  /// Blocks are not looked at.
  case none
  /// As many times as for a layer.
  case sameAsLayers
  /// A number of its own.
  case fixed(Double)
}

extension RateRule {
  /// The share of the sum, as the paper has it.
  public var measure: SignificanceMeasure { .mass }
  /// Blocks are not looked at.
  public var blockMultiple: BlockMultiple { .none }
  /// No bound.
  public var largestShift: Double? { nil }
}

/// The same rate for every layer.
public struct UniformRates: RateRule {
  /// Makes the rule.
  public init() {}

  /// The name in recipes and reports.
  public var name: String { "uniform" }
  /// Nothing.
  public var largestShift: Double? { 0 }

  /// No shift for any layer.
  ///
  /// - Parameter layers: The layers.
  /// - Returns: Zeros.
  public func rateShifts(for layers: [LinearStatistics]) -> [Double] {
    Array(repeating: 0, count: layers.count)
  }
}
