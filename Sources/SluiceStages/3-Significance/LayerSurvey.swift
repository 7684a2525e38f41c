package import SluiceKernels

/// What the survey of one linear layer of one model says, or what must be counted in detail first.
package enum LayerSurvey: Sendable {
  /// The layer's statistics.
  case known(LinearStatistics)
  /// A bin of the layer's histogram must be known value by value.
  case needs(UInt32)

  /// Reads the statistics from a histogram.
  ///
  /// Formula: mean = sum|x| / n, exact and rounded once to Double; significance = the statistic.
  /// Edge cases: a layer without change has mean 0 and significance 0.
  ///
  /// - Parameters:
  ///   - histogram: The histogram of the whole tensor, or of all layers of a block.
  ///   - name: The tensor's name.
  ///   - significance: What makes a layer significant.
  package init(_ histogram: MagnitudeHistogram, name: String, significance: any TensorStatistic) {
    do throws(MagnitudeHistogram.Unresolved) {
      self = .known(
        LinearStatistics(
          name: name, try LayerNumbers(histogram, significance: significance)))
    } catch {
      self = .needs(error.binBits)
    }
  }

  /// Reads the statistics from a histogram, with the paper's significance.
  package init(
    _ histogram: MagnitudeHistogram, name: String, significanceMultiple: Double,
    measure: SignificanceMeasure = .mass
  ) {
    self.init(
      histogram, name: name,
      significance: SignificantShare(multiple: significanceMultiple, measure: measure))
  }
}

/// What a histogram says of a linear layer.
package struct LayerNumbers: Sendable, Hashable {
  /// The number of elements.
  package let elementCount: Int
  /// The number of deltas that are exactly zero.
  package let zeroCount: Int
  /// The mean of |delta| over all elements.
  package let mean: Double
  /// The statistic.
  package let significance: Double

  /// Reads the numbers, as `LayerSurvey` says.
  ///
  /// - Throws: `Unresolved` if a bin must be counted in detail first.
  package init(
    _ histogram: borrowing MagnitudeHistogram, significance: borrowing any TensorStatistic
  ) throws(MagnitudeHistogram.Unresolved) {
    zeroCount = try histogram.zeroCount()
    elementCount = histogram.elementCount
    let sum = histogram.sum
    mean = elementCount > 0 ? sum / Double(elementCount) : 0
    self.significance = try significance.value(of: histogram, sum: sum)
  }
}

extension LinearStatistics {
  /// Describes a layer of which a histogram says the numbers.
  package init(name: String, _ numbers: LayerNumbers) {
    self.init(
      name: name, elementCount: numbers.elementCount, zeroCount: numbers.zeroCount,
      mean: numbers.mean, significance: numbers.significance)
  }
}
