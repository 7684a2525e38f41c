package import SluiceKernels

/// The record of a histogram without bins as it lies in its file: where it is cut is found without making the histogram.
@safe package struct HistogramRecord: CuttableMagnitudes {
  package let elementCount: Int
  private let bytes: UnsafeRawPointer
  private let layout: RecordLayout

  /// Looks at a record; nil if it is none, or that of a histogram with bins.
  ///
  /// - Parameters:
  ///   - record: The bytes, which stay where they are for as long as this is used; eight more can be read.
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
    guard layout.runs > 0, bits(at: 0) == 0 else { return 0 }
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
    var (above, listEnd) = (0, layout.sumStart)
    // Large magnitudes are few, and have few elements.
    var end = layout.countStart + layout.runs
    while end > layout.countStart {
      let block = max(layout.countStart, end - ByteBlock.length)..<end
      let sum = unsafe ByteBlock.sum(bytes, block) { $0 }
      if above + sum < position, unsafe !ByteBlock.hasListedCount(bytes, block) {
        above += sum
        end = block.lowerBound
        continue
      }
      for place in block.reversed() {
        // SAFETY: the layout has a byte for each run.
        var count = unsafe Int(bytes.load(fromByteOffset: place, as: UInt8.self))
        if count == Int(RecordLayout.listedCount) { count = listedCount(before: &listEnd) }
        if count >= position - above {
          return EqualMagnitudes(
            bits: bits(at: place - layout.countStart), count: count, above: above)
        }
        above += count
      }
      end = block.lowerBound
    }
    throw MagnitudeHistogram.Unresolved(binBits: 0)
  }

  /// The count of the list that ends before a place, which moves to where it begins.
  private func listedCount(before end: inout Int) -> Int {
    guard end > layout.listedCountStart else { return Int(RecordLayout.listedCount) }
    var start = end - 1
    // SAFETY: the places are those of the list.
    while start > layout.listedCountStart,
      unsafe bytes.load(fromByteOffset: start - 1, as: UInt8.self) >= 0x80
    {
      start -= 1
    }
    var place = start
    let count = unsafe RecordLayout.number(bytes, &place, below: end)
    end = start
    return Int(truncatingIfNeeded: count ?? RecordLayout.listedCount)
  }

  /// The first pattern of a run.
  private func bits(at run: Int) -> UInt32 {
    var (upper, lows, listed) = (0, 0, 0)
    let end = layout.stepStart + run + 1
    for start in stride(from: layout.stepStart, to: end, by: ByteBlock.length) {
      let block = start..<min(start + ByteBlock.length, end)
      // SAFETY: the layout has a byte for each run.
      upper &+= unsafe ByteBlock.sum(bytes, block) { $0 >> 2 & ByteBlock.steps }
      lows &+= unsafe ByteBlock.sum(bytes, block) { $0 & RecordLayout.lowest }
      listed &+= unsafe ByteBlock.sum(bytes, block) { ByteBlock.listedSteps($0) }
    }
    for place in 0..<min(listed, layout.steps) {
      // SAFETY: the list has the place.
      upper &+= Int(number(layout.listedStepStart, place)) &- Int(RecordLayout.listedStep)
    }
    let isOdd = unsafe bytes.load(fromByteOffset: layout.stepStart + run, as: UInt8.self) & 1 == 1
    let low = isOdd && lows <= layout.lows ? UInt32(number(layout.lowStart, lows - 1)) : 0
    return UInt32(truncatingIfNeeded: upper) << RecordLayout.shift | low
  }

  /// A number of two bytes in a list.
  @inline(__always) private func number(_ start: Int, _ place: Int) -> UInt16 {
    // SAFETY: the caller knows that the list has the place.
    unsafe bytes.loadUnaligned(fromByteOffset: start + 2 * place, as: UInt16.self)
  }
}

/// Some bytes of a record, which are looked at eight at a time.
private enum ByteBlock {
  /// So many are looked at together.
  static var length: Int { 64 }

  /// The bits of eight steps once they stand at the bottom of their bytes.
  static var steps: UInt64 { 0x3f3f_3f3f_3f3f_3f3f }
  /// Every other of eight bytes.
  private static var even: UInt64 { 0x00ff_00ff_00ff_00ff }

  /// The sum of what is made of bytes.
  @inline(__always) static func sum(
    _ record: UnsafeRawPointer, _ range: Range<Int>, _ body: (UInt64) -> UInt64
  ) -> Int {
    var sums: UInt64 = 0
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
      let word = unsafe body(word(record, start, end: range.upperBound))
      // Of at most 64 bytes four sums fit 16 bits each.
      sums &+= (word & even) &+ (word >> 8 & even)
    }
    return Int((sums &* 0x0001_0001_0001_0001) >> 48)
  }

  /// Whether one of a few counts is in the list.
  @inline(__always) static func hasListedCount(
    _ record: UnsafeRawPointer, _ range: Range<Int>
  ) -> Bool {
    var found: UInt64 = 0
    for start in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
      // A byte is zero if all of its bits were set.
      let missing = unsafe ~word(record, start, end: range.upperBound)
      found |= (missing &- RecordLayout.lowest) & ~missing & RecordLayout.highest
    }
    return found != 0
  }

  /// 1 in each of eight bytes that says that its step is in the list.
  @inline(__always) static func listedSteps(_ word: UInt64) -> UInt64 {
    let pairs = word & word >> 1
    return (pairs >> 2 & pairs >> 4 & pairs >> 6) & RecordLayout.lowest
  }

  /// Eight bytes, of which those from an end on are zero.
  @inline(__always) private static func word(
    _ record: UnsafeRawPointer, _ start: Int, end: Int
  ) -> UInt64 {
    // SAFETY: eight bytes behind the record can be read.
    let word = unsafe record.loadUnaligned(fromByteOffset: start, as: UInt64.self)
    let left = end - start
    return left < 8 ? word & ((1 << UInt64(8 * left)) - 1) : word
  }
}
