internal import SluiceCore
internal import SluiceKernels

/// What of a model's elements is kept in frames.
package enum SpillFloor: Sendable, Hashable {
  /// Magnitudes from a Float32 bit pattern on; from 0 on every element.
  case known(UInt32)
  /// What rates from this one on can keep, as far as that can be foreseen.
  case foreseen(lowestRate: Double)
}

/// Foresees, while a lane counts a strip, the smallest |delta| that can be kept of it.
///
/// It looks at what was counted when that has become twice as much, first after a grain, so that what is foreseen does
/// not depend on chunks. Elements are like their neighbours, not like all of a layer: whoever uses what was kept must
/// ask whether it was enough.
package final class FloorForecast {
  /// By how much the rate is lowered: nearly three standard errors of what a grain says of a layer whose elements are in no order, at a rate of 0.7.
  static let rateMargin = 0.005

  private struct Foresight {
    /// How many elements of the strip were counted.
    let elementCount: Int
    let bits: UInt32
  }

  private let lowestRates: @Sendable (Strip) -> [Double?]
  private let significanceMultiple: Double
  private var strip: Strip?
  private var rates: [Double?] = []
  private var foresights: [[Foresight]] = []
  private var next = Granularity.grainElements

  /// Makes the forecast of one lane.
  ///
  /// - Parameters:
  ///   - significanceMultiple: How many times the mean a delta must exceed to be significant: what the inside of a bin
  ///     there may be asked for is kept, too.
  ///   - lowestRates: For each model the lowest rate that a strip's tensor may come to have; nil if nothing is to be
  ///     foreseen.
  package init(
    significanceMultiple: Double, lowestRates: @escaping @Sendable (Strip) -> [Double?]
  ) {
    self.significanceMultiple = significanceMultiple
    self.lowestRates = lowestRates
  }

  /// Prepares for a strip that is about to be counted.
  func begin(_ strip: Strip) {
    self.strip = strip
    rates = lowestRates(strip)
    if foresights.count != rates.count { foresights = rates.map { _ in [] } }
    for model in foresights.indices { foresights[model].removeAll(keepingCapacity: true) }
    next = Granularity.grainElements
  }

  /// Looks at what was counted of the strip, if it has become enough for that.
  ///
  /// - Parameters:
  ///   - elementCount: The number of the strip's elements that were counted.
  ///   - builders: For each model what counts it.
  func didCount(_ elementCount: Int, _ builders: [HistogramBuilder?]) {
    guard elementCount >= next else { return }
    while next <= elementCount { next *= 2 }
    for (model, builder) in builders.enumerated() where rates[model] != nil {
      guard let builder else { continue }
      note(builder.outline(), of: model, elementCount, margin: FloorForecast.rateMargin)
    }
  }

  /// Looks at the histogram of a whole strip: of one that is shorter than a grain nothing was foreseen.
  func didCount(_ histogram: MagnitudeHistogram, of model: Int) {
    guard let strip, strip.elements.count < Granularity.grainElements else { return }
    let isTensor = strip.index == 0 && strip.isLast
    note(histogram, of: model, 0, margin: isTensor ? 0 : FloorForecast.rateMargin)
  }

  /// What is foreseen of a grain that was counted.
  ///
  /// - Parameters:
  ///   - element: The position of one of its elements in the strip.
  ///   - model: The position of the model.
  /// - Returns: The smallest pattern of a magnitude that is to be kept; 0 if nothing is known.
  func bits(at element: Int, of model: Int) -> UInt32 {
    let end = (element / Granularity.grainElements + 1) * Granularity.grainElements
    return foresights[model].last { $0.elementCount <= end }?.bits ?? 0
  }

  private func note(
    _ histogram: MagnitudeHistogram, of model: Int, _ elementCount: Int, margin: Double
  ) {
    guard let rate = rates[model] else { return }
    let floor = histogram.minimumMagnitudeBits(
      rate: max(0, rate - margin), reaching: significanceMultiple)
    foresights[model].append(Foresight(elementCount: elementCount, bits: floor))
  }
}
