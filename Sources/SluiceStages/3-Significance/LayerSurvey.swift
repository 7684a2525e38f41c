public import SluiceKernels

/// What the survey of one linear layer of one model says, or what must be counted in detail first.
public enum LayerSurvey: Sendable {
  /// The layer's statistics.
  case known(LinearStatistics)
  /// A bin of the layer's spectrum must be known value by value.
  case needs(UInt32)

  /// Reads the statistics from a spectrum.
  ///
  /// Formula: mean = sum|x| / n, exact and rounded once to Double; significance = the statistic.
  /// Edge cases: a layer without change has mean 0 and significance 0.
  ///
  /// - Parameters:
  ///   - spectrum: The spectrum of the whole tensor, or of all layers of a block.
  ///   - name: The tensor's name.
  ///   - significance: What makes a layer significant.
  public init(_ spectrum: Spectrum, name: String, significance: any TensorStatistic) {
    do throws(Spectrum.Unresolved) {
      let zeros = try spectrum.zeroCount()
      self = .known(
        LinearStatistics(
          name: name, elementCount: spectrum.elementCount, zeroCount: zeros,
          mean: MeanMagnitude().value(of: spectrum),
          significance: try significance.value(of: spectrum)))
    } catch {
      self = .needs(error.binBits)
    }
  }

  /// Reads the statistics from a spectrum, with the paper's significance.
  ///
  /// - Parameters:
  ///   - spectrum: The spectrum of the whole tensor.
  ///   - name: The tensor's name.
  ///   - significanceMultiple: How many times the mean a delta must exceed.
  ///   - measure: What is counted above that.
  public init(
    _ spectrum: Spectrum, name: String, significanceMultiple: Double,
    measure: SignificanceMeasure = .mass
  ) {
    self.init(
      spectrum, name: name,
      significance: SignificantShare(multiple: significanceMultiple, measure: measure))
  }
}
