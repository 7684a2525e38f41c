/// Magnitudes with their numbers, of which a share can be cut off: a histogram, or a record of one.
package protocol CuttableMagnitudes {
  /// The number of elements.
  var elementCount: Int { get }

  /// The number of elements that are exactly zero, or the bin to resolve first.
  func zeroCount() throws(MagnitudeHistogram.Unresolved) -> Int

  /// Elements of one magnitude, or the bin to resolve first.
  ///
  /// - Parameter position: Which of the elements from the largest on is one of them, from 1 to their number.
  /// - Returns: The elements.
  /// - Throws: `Unresolved` if it lies inside a bin.
  func equals(ofLargest position: Int) throws(MagnitudeHistogram.Unresolved) -> EqualMagnitudes
}

/// Elements of one magnitude.
package struct EqualMagnitudes: Sendable, Hashable {
  /// The Float32 bit pattern of the magnitude.
  package let bits: UInt32
  /// How many there are.
  package let count: Int
  /// How many elements are larger.
  package let above: Int

  /// Describes elements.
  package init(bits: UInt32, count: Int, above: Int) {
    (self.bits, self.count, self.above) = (bits, count, above)
  }
}

extension CuttableMagnitudes {
  /// Where a pruning rate cuts.
  ///
  /// Edge cases: rate <= 0 keeps all non-zero elements, rate >= 1 none; if fewer elements are
  /// non-zero than the rate would keep, all of them are kept.
  ///
  /// - Parameters:
  ///   - rate: The pruning rate of this tensor.
  ///   - tieBreak: Who is kept at the border.
  /// - Returns: The cut.
  /// - Throws: `Unresolved` if the border lies inside a bin.
  package func cut(
    rate: Double, tieBreak: TieBreak
  ) throws(MagnitudeHistogram.Unresolved) -> Cut {
    let all = elementCount
    if rate <= 0, all > 0 {
      return Cut(thresholdBits: 0, above: all - (try zeroCount()), tied: 0, keptOfTied: 0)
    }
    return try cut(keeping: Cut.keptCount(rate: rate, of: all), tieBreak: tieBreak)
  }

  /// Where a number of kept elements cuts.
  ///
  /// Edge cases: if fewer elements are non-zero, all of them are kept.
  ///
  /// - Parameters:
  ///   - wanted: How many elements are kept, at most all.
  ///   - tieBreak: Who is kept at the border.
  /// - Returns: The cut.
  /// - Throws: `Unresolved` if the border lies inside a bin.
  package func cut(
    keeping wanted: Int, tieBreak: TieBreak
  ) throws(MagnitudeHistogram.Unresolved) -> Cut {
    guard wanted > 0 else { return .none }
    let nonZero = elementCount - (try zeroCount())
    if wanted > nonZero {
      return Cut(thresholdBits: 0, above: nonZero, tied: 0, keptOfTied: 0)
    }
    let border = try equals(ofLargest: wanted)
    let keptOfTied =
      switch tieBreak {
      case .spread, .index: wanted - border.above
      case .drop: 0
      case .keep: border.count
      }
    return Cut(
      thresholdBits: border.bits, above: border.above, tied: border.count, keptOfTied: keptOfTied)
  }
}

extension MagnitudeHistogram: CuttableMagnitudes {
  package func equals(ofLargest position: Int) throws(Unresolved) -> EqualMagnitudes {
    var above = 0
    var index = runCount - 1
    while above + Int(counts[index]) < position {
      above += Int(counts[index])
      index -= 1
    }
    if isBin(at: index) { throw Unresolved(binBits: bits[index]) }
    return EqualMagnitudes(bits: bits[index], count: Int(counts[index]), above: above)
  }
}
