package import SluiceKernels

/// The record of a histogram without bins as it lies in its file: where it is cut is found without making the histogram.
@safe package struct HistogramRecord: CuttableMagnitudes {
  package let elementCount: Int
  private let bytes: UnsafeRawPointer
  private let layout: RecordLayout

  /// Looks at a record; nil if it is none, or that of a histogram with bins.
  ///
  /// - Parameter record: The bytes, which stay where they are for as long as this is used; eight more can be read.
  package init?(_ record: UnsafeRawBufferPointer) {
    guard let layout = unsafe RecordLayout(record), let start = record.baseAddress else {
      return nil
    }
    unsafe bytes = unsafe start
    self.layout = layout
    var (bins, lows, steps) = (0, 0, 0)
    let first = unsafe start + layout.stepStart
    for run in 0..<layout.runs {
      // SAFETY: the layout has a byte for each run.
      let byte = unsafe first.load(fromByteOffset: run, as: UInt8.self)
      bins &+= Int(byte >> 1 & 1)
      lows &+= Int(byte & 1)
      steps &+= byte >> 2 == RecordLayout.listedStep ? 1 : 0
    }
    guard bins == 0, layout.sumBytes == 0, lows == layout.lows, steps == layout.steps else {
      return nil
    }
    var count = unsafe HistogramRecord.sum(start + layout.countStart, layout.runs)
    var list = CountList(layout)
    let short = unsafe start + layout.countStart
    var isRight = true
    unsafe RecordLayout.forEachListed(
      short, layout.runs, UInt8(RecordLayout.listedCount)
    ) { _ in
      guard isRight, let listed = unsafe list.next(start) else { return isRight = false }
      count &+= listed &- Int(RecordLayout.listedCount)
    }
    guard isRight, list.isAtEnd else { return nil }
    elementCount = count
  }

  package func zeroCount() -> Int {
    guard layout.runs > 0, bits(at: 0) == 0 else { return 0 }
    return equals(ofLargest: elementCount).count
  }

  package func equals(ofLargest position: Int) -> EqualMagnitudes {
    // Of the elements from the smallest on, as many come before those that are looked for at the most.
    let most = elementCount - position
    let counts = unsafe bytes + layout.countStart
    var (list, before, run, last) = (CountList(layout), 0, 0, 0)
    while run < layout.runs {
      let length = min(HistogramRecord.blockLength, layout.runs - run)
      // SAFETY: the layout has a byte for each run.
      let block = unsafe counts + run
      let sum = unsafe HistogramRecord.sum(block, length)
      if before + sum <= most, unsafe !HistogramRecord.hasListed(block, length) {
        before += sum
        run += length
        continue
      }
      for end in run..<(run + length) {
        let short = unsafe Int(counts.load(fromByteOffset: end, as: UInt8.self))
        last = short == Int(RecordLayout.listedCount) ? unsafe list.next(bytes) ?? short : short
        if before + last > most {
          return EqualMagnitudes(
            bits: bits(at: end), count: last, above: elementCount - before - last)
        }
        before += last
      }
      run += length
    }
    preconditionFailure("a histogram has as many elements as it says")
  }

  /// The first pattern of a run.
  private func bits(at run: Int) -> UInt32 {
    let steps = unsafe bytes + layout.stepStart
    var (upper, lows, listed) = (0 as UInt32, 0, 0)
    for index in 0...run {
      // SAFETY: the layout has a byte for each run.
      let byte = unsafe steps.load(fromByteOffset: index, as: UInt8.self)
      upper &+= UInt32(byte >> 2)
      lows &+= Int(byte & 1)
      listed &+= byte >> 2 == RecordLayout.listedStep ? 1 : 0
    }
    for place in 0..<listed {
      // SAFETY: as many are in the list as steps say, which was looked at.
      upper &+= UInt32(number(layout.listedStepStart, place)) &- RecordLayout.listedStep
    }
    let isOdd = unsafe steps.load(fromByteOffset: run, as: UInt8.self) & 1 == 1
    let low = isOdd ? UInt32(number(layout.lowStart, lows - 1)) : 0
    return upper << RecordLayout.shift | low
  }

  /// A number of two bytes in a list.
  @inline(__always) private func number(_ start: Int, _ place: Int) -> UInt16 {
    // SAFETY: the caller knows that the list has the place.
    unsafe bytes.loadUnaligned(fromByteOffset: start + 2 * place, as: UInt16.self)
  }

  /// So many counts are looked at together.
  private static var blockLength: Int { 64 }

  /// The sum of bytes.
  @inline(__always) private static func sum(_ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    var sum = 0
    for index in 0..<count {
      // SAFETY: the caller knows that there are so many.
      sum &+= unsafe Int(bytes.load(fromByteOffset: index, as: UInt8.self))
    }
    return sum
  }

  /// Whether one of a few counts is in the list.
  @inline(__always) private static func hasListed(
    _ bytes: UnsafeRawPointer, _ count: Int
  ) -> Bool {
    var largest: UInt8 = 0
    for index in 0..<count {
      // SAFETY: the caller knows that there are so many.
      largest = unsafe max(largest, bytes.load(fromByteOffset: index, as: UInt8.self))
    }
    return largest == UInt8(RecordLayout.listedCount)
  }
}

/// The list of larger counts of a record, from its first on.
private struct CountList {
  private var place: Int
  private let end: Int

  init(_ layout: RecordLayout) {
    (place, end) = (layout.listedCountStart, layout.sumStart)
  }

  var isAtEnd: Bool { place == end }

  /// The next of a record; nil if there is none that the list could have.
  mutating func next(_ record: UnsafeRawPointer) -> Int? {
    guard let count = unsafe RecordLayout.number(record, &place, below: end),
      count >= RecordLayout.listedCount, count < 1 << 48
    else { return nil }
    return Int(count)
  }
}
