extension ScalarKernels {
  /// What is written of the runs of a histogram.
  package struct Record: Sendable, Hashable {
    /// Of each run how far its upper 16 bits are from those of the one before, at most 63, times 4, plus 1 if it has
    /// low bits.
    package var steps: [UInt8]
    /// The steps from 63 on, in two bytes each.
    package var listedSteps: [UInt8]
    /// The low 15 bits of those that have some, in two bytes each.
    package var lows: [UInt8]
    /// The counts, at most 255.
    package var counts: [UInt8]
    /// The counts from 255 on, with seven bits in each byte, the lowest first.
    package var listedCounts: [UInt8]

    /// Collects bytes.
    package init(
      steps: [UInt8], listedSteps: [UInt8], lows: [UInt8], counts: [UInt8], listedCounts: [UInt8]
    ) {
      (self.steps, self.listedSteps, self.lows) = (steps, listedSteps, lows)
      (self.counts, self.listedCounts) = (counts, listedCounts)
    }
  }

  /// Writes runs that are no bins.
  ///
  /// - Parameters:
  ///   - bits: The patterns, ascending.
  ///   - counts: How many elements lie in each.
  /// - Returns: The bytes.
  package static func record(_ bits: [UInt32], _ counts: [UInt64]) -> Record {
    var record = Record(steps: [], listedSteps: [], lows: [], counts: [], listedCounts: [])
    func number(_ value: UInt32) -> [UInt8] { [UInt8(value & 0xff), UInt8(value >> 8)] }
    var last: UInt32 = 0
    for (bits, count) in zip(bits, counts) {
      let (step, low) = (bits / 32768 - last, bits % 32768)
      last = bits / 32768
      record.steps.append(UInt8(min(step, 63) * 4 + min(low, 1)))
      if step >= 63 { record.listedSteps += number(step) }
      if low > 0 { record.lows += number(low) }
      record.counts.append(UInt8(min(count, 255)))
      guard count >= 255 else { continue }
      var rest = count
      while rest >= 128 {
        record.listedCounts.append(UInt8(rest % 128 + 128))
        rest /= 128
      }
      record.listedCounts.append(UInt8(rest))
    }
    return record
  }

  /// Adds up magnitudes in units in the last place of the first.
  ///
  /// - Parameters:
  ///   - bits: The patterns, ascending.
  ///   - counts: How many elements have each.
  /// - Returns: The sum.
  package static func units(_ bits: [UInt32], _ counts: [UInt64]) -> UInt64 {
    let unit = Double(Float(bitPattern: bits[0]).ulp)
    return zip(bits, counts).reduce(0) { sum, run in
      sum + UInt64(Double(Float(bitPattern: run.0)) / unit) * run.1
    }
  }
}
