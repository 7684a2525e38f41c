public import SluiceKernels

/// What the survey of one linear layer of one model says, or what must be counted in detail first.
public enum LayerSurvey: Sendable {
  /// The layer's statistics.
  case known(LinearStatistics)
  /// A bin of the layer's spectrum must be known value by value.
  case needs(UInt32)

  /// Reads the statistics from a spectrum.
  ///
  /// Formula: mean = sum|x| / n; significance = sum of |x| over |x| > multiple * mean, divided by
  /// sum|x|; both sums exact and rounded once to Double, the comparison strict.
  /// Source: DPPA, later version, eq. 2-3 (N -> multiple, sig -> significance).
  /// Edge cases: a layer without change has mean 0 and significance 0.
  ///
  /// - Parameters:
  ///   - spectrum: The spectrum of the whole tensor.
  ///   - name: The tensor's name.
  ///   - significanceMultiple: How many times the mean a delta must exceed.
  public init(_ spectrum: Spectrum, name: String, significanceMultiple: Double) {
    let elementCount = spectrum.elementCount
    let sum = spectrum.sum
    let mean = elementCount > 0 ? sum / Double(elementCount) : 0
    do throws(Spectrum.Unresolved) {
      let zeros = try spectrum.zeroCount()
      let significant = sum > 0 ? try spectrum.sum(above: significanceMultiple * mean) : 0
      self = .known(
        LinearStatistics(
          name: name, elementCount: elementCount, zeroCount: zeros, mean: mean,
          significance: sum > 0 ? significant / sum : 0))
    } catch {
      self = .needs(error.binBits)
    }
  }
}
