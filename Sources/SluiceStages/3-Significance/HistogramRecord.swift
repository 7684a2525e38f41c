package import SluiceKernels

/// The record of a histogram without bins as it lies in its file: where it is cut is found without making the histogram.
@safe package struct HistogramRecord: CuttableMagnitudes {
  package let elementCount: Int
  private let bytes: UnsafeRawPointer
  private let layout: RecordLayout

  /// Looks at a record; nil if it is none, or that of a histogram with bins.
  ///
  /// - Parameters:
  ///   - record: The bytes, which stay where they are for as long as this is used.
  ///   - elementCount: How many elements were counted.
  package init?(_ record: UnsafeRawBufferPointer, elementCount: Int) {
    // Each bin has a sum.
    guard let layout = unsafe RecordLayout(record), let start = record.baseAddress,
      layout.sumBytes == 0
    else { return nil }
    unsafe bytes = unsafe start
    self.layout = layout
    self.elementCount = elementCount
  }

  package func zeroCount() -> Int {
    // Zero has neither a step nor low bits.
    guard layout.runs > 0,
      unsafe bytes.load(fromByteOffset: layout.stepStart, as: UInt8.self) == 0
    else { return 0 }
    let short = unsafe Int(bytes.load(fromByteOffset: layout.countStart, as: UInt8.self))
    guard short == Int(RecordLayout.listedCount) else { return short }
    var place = layout.listedCountStart
    return unsafe RecordLayout.number(bytes, &place, below: layout.sumStart).map { Int($0) }
      ?? short
  }

  /// As of any magnitudes.
  ///
  /// A record of fewer elements than were counted is for who makes a histogram of it to refuse.
  package func equals(
    ofLargest position: Int
  ) throws(MagnitudeHistogram.Unresolved) -> EqualMagnitudes {
    // SAFETY: the layout has a byte for each run, and what it says of the lists.
    let found = unsafe Kernels.best.findLargest(
      position, among: UnsafeRawBufferPointer(start: bytes + layout.countStart, count: layout.runs),
      list: UnsafeRawBufferPointer(
        start: bytes + layout.listedCountStart, count: layout.countBytes))
    guard let found else { throw MagnitudeHistogram.Unresolved(binBits: 0) }
    let bits = unsafe Kernels.best.findBits(
      of: found.run, steps: bytes + layout.stepStart,
      listed: (bytes + layout.listedStepStart, layout.steps),
      lows: (bytes + layout.lowStart, layout.lows))
    return EqualMagnitudes(bits: bits, count: found.count, above: found.above)
  }
}
