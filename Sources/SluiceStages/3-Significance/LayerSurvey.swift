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
      let zeros = try histogram.zeroCount()
      let (count, sum) = (histogram.elementCount, histogram.sum)
      self = .known(
        LinearStatistics(
          name: name, elementCount: count, zeroCount: zeros,
          mean: count > 0 ? sum / Double(count) : 0,
          significance: try significance.value(of: histogram, sum: sum)))
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
