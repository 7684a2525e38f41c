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
  /// sum|x|, or their number divided by n; sums exact and rounded once to Double, the comparison
  /// strict.
  /// Source: DPPA, later version, eq. 2-3 (N -> multiple, sig -> significance); the number is its
  /// ablation, and what the authors' code counts.
  /// Edge cases: a layer without change has mean 0 and significance 0.
  ///
  /// - Parameters:
  ///   - spectrum: The spectrum of the whole tensor, or of all layers of a block.
  ///   - name: The tensor's name.
  ///   - significanceMultiple: How many times the mean a delta must exceed.
  ///   - measure: What is counted above that.
  public init(
    _ spectrum: Spectrum, name: String, significanceMultiple: Double,
    measure: SignificanceMeasure = .mass
  ) {
    let elementCount = spectrum.elementCount
    let sum = spectrum.sum
    let mean = elementCount > 0 ? sum / Double(elementCount) : 0
    let bound = significanceMultiple * mean
    do throws(Spectrum.Unresolved) {
      let zeros = try spectrum.zeroCount()
      var significance = 0.0
      if sum > 0 {
        switch measure {
        case .mass: significance = try spectrum.sum(above: bound) / sum
        case .count: significance = Double(try spectrum.count(above: bound)) / Double(elementCount)
        }
      }
      self = .known(
        LinearStatistics(
          name: name, elementCount: elementCount, zeroCount: zeros, mean: mean,
          significance: significance))
    } catch {
      self = .needs(error.binBits)
    }
  }
}
