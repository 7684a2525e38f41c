// What a later pass can need, known before any detail is.

extension MagnitudeHistogram {
  /// The pattern of a magnitude that every element is at least as large as that a rate, or any higher
  /// one, can keep.
  ///
  /// Where the border lies inside a bin it is the bin's beginning; so no detail is ever needed.
  ///
  /// - Parameter rate: The pruning rate.
  /// - Returns: The Float32 bit pattern, at least 1; that of infinity if nothing is kept.
  package func minimumMagnitudeBits(rate: Double) -> UInt32 {
    let wanted = rate <= 0 ? elementCount : Cut.keptCount(rate: rate, of: elementCount)
    guard wanted > 0 else { return Float.infinity.bitPattern }
    var above = 0
    let smallest = bits.indices.first { bits[$0] > 0 || isBin(at: $0) }
    for index in bits.indices.reversed() {
      above += Int(counts[index])
      // Where all that is not zero is kept, there is no border.
      if above >= wanted { return index == smallest ? 1 : max(bits[index], 1) }
    }
    return 1
  }

  /// The same, with what the inside of the bin around a multiple of the mean may be asked for.
  ///
  /// - Parameters:
  ///   - rate: The pruning rate.
  ///   - multiple: How many times the mean, not negative.
  /// - Returns: The Float32 bit pattern, at least 1.
  package func minimumMagnitudeBits(rate: Double, reaching multiple: Double) -> UInt32 {
    let floor = minimumMagnitudeBits(rate: rate)
    return binBits(aroundMeanTimes: multiple).map { max(1, min($0, floor)) } ?? floor
  }

  /// The pattern that the bin begins with into which a multiple of the mean falls.
  ///
  /// - Parameter multiple: How many times the mean, not negative.
  /// - Returns: The pattern, or nil if it falls between exact magnitudes.
  package func binBits(aroundMeanTimes multiple: Double) -> UInt32? {
    let bound = elementCount > 0 ? multiple * (sum / Double(elementCount)) : 0
    do throws(Unresolved) {
      _ = try firstRun(above: bound)
      return nil
    } catch {
      return error.binBits
    }
  }
}
