// What is asked of a histogram: the exact answer, or the bin that must be known in detail.

extension MagnitudeHistogram {
  /// The number of elements that are exactly zero, or the bin to resolve first.
  ///
  /// - Returns: The number.
  /// - Throws: `Unresolved` if zero lies inside a bin.
  public func zeroCount() throws(Unresolved) -> Int {
    guard let first = bits.first, first == 0 else { return 0 }
    if isBin(at: 0) { throw Unresolved(binBits: 0) }
    return Int(counts[0])
  }

  /// The exact sum of all magnitudes, rounded once to a Double.
  public var sum: Double { exactSum.value }

  /// The exact sum of all magnitudes.
  package var exactSum: ExactSum { exactSum(from: 0) }

  /// The exact sum of the magnitudes above a bound, rounded once to a Double.
  ///
  /// Formula: sum of |x| over |x| > bound, strictly. Source: DPPA eq. 2 (S_l).
  ///
  /// - Parameter bound: The bound, not negative.
  /// - Returns: The sum.
  /// - Throws: `Unresolved` if the bound lies inside a bin.
  public func sum(above bound: Double) throws(Unresolved) -> Double {
    exactSum(from: try firstRun(above: bound)).value
  }

  /// The number of magnitudes above a bound, strictly.
  ///
  /// - Parameter bound: The bound, not negative.
  /// - Returns: The number of elements.
  /// - Throws: `Unresolved` if the bound lies inside a bin.
  public func count(above bound: Double) throws(Unresolved) -> Int {
    Int(counts[try firstRun(above: bound)...].reduce(0, &+))
  }

  /// The number of elements of exactly the given magnitude.
  ///
  /// - Parameter bits: The Float32 pattern.
  /// - Returns: The number of elements.
  /// - Throws: `Unresolved` if the pattern lies inside a bin.
  package func count(of bits: UInt32) throws(Unresolved) -> Int {
    // The last run that does not begin after it.
    let index = runCount(below: bits + 1) - 1
    guard index >= 0 else { return 0 }
    if isBin(at: index), bits <= entry(at: index).lastBits {
      throw Unresolved(binBits: self.bits[index])
    }
    return self.bits[index] == bits ? Int(counts[index]) : 0
  }

  /// The exact sum of the magnitudes of the runs from one on.
  private func exactSum(from first: Int) -> ExactSum {
    hasBins || elementCount > Int(UInt32.max)
      ? exactSum(ofBinsFrom: first) : exactSum(ofMagnitudesFrom: first)
  }

  /// The same where no run is a bin: so many binades as fit are added up before the sum takes them.
  private func exactSum(ofMagnitudesFrom first: Int) -> ExactSum {
    var sum = ExactSum()
    // A magnitude has 24 bits, and each binade is one more.
    let binades = UInt32(elementCount.leadingZeroBitCount - 24 + 1)
    var start = first
    while start < runCount {
      let end = runCount(below: (bits[start] >> 23 + binades) << 23, from: start)
      unsafe bits.withUnsafeBufferPointer { bits in
        unsafe counts.withUnsafeBufferPointer { counts in
          guard let bits = bits.baseAddress, let counts = counts.baseAddress else { return }
          // SAFETY: there are as many counts as runs.
          let units = unsafe Kernels.best.sumUnits(
            bits + start, counts + start, count: end - start)
          unsafe sum.add(units: units, inBinadeOf: bits[start])
        }
      }
      start = end
    }
    return sum
  }

  /// The same where some are bins, or there are too many elements for the kernel.
  private func exactSum(ofBinsFrom first: Int) -> ExactSum {
    var sum = ExactSum()
    var (start, units) = (0 as UInt32, 0 as UInt64)
    for index in first..<runCount {
      var own = ExactSum.units(of: bits[index]) * counts[index]
      if hasBins, let offsetSum = offsetSums[index] { own += offsetSum }
      let (together, isTooLarge) = units.addingReportingOverflow(own)
      if !isTooLarge, bits[index] >> 23 == start >> 23 {
        units = together
        continue
      }
      sum.add(units: units, inBinadeOf: start)
      (start, units) = (bits[index], own)
    }
    sum.add(units: units, inBinadeOf: start)
    return sum
  }

  /// The first run above a bound.
  func firstRun(above bound: Double) throws(Unresolved) -> Int {
    // The largest Float32 that is not above the bound: |x| > bound exactly if x's pattern is larger.
    let rounded = Float(bound)
    let largest = (Double(rounded) > bound ? rounded.nextDown : rounded).bitPattern
    let index = runCount(below: largest + 1)
    if index > 0, isBin(at: index - 1), entry(at: index - 1).lastBits > largest {
      throw Unresolved(binBits: bits[index - 1])
    }
    return index
  }

  /// How many runs begin below a pattern, of which some are known to.
  func runCount(below pattern: UInt32, from first: Int = 0) -> Int {
    var (low, high) = (first, runCount)
    while low < high {
      let middle = (low + high) / 2
      if bits[middle] >= pattern { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
