package import SluiceKernels

extension MagnitudeHistogram {
  /// Reads a record; nil if it is none, or no histogram.
  package init?(encoded record: [UInt8]) {
    // SAFETY: the bytes are used inside the closure only.
    let read = unsafe record.withUnsafeBytes { bytes in
      unsafe RecordLayout(bytes).flatMap { unsafe RecordReader(bytes, layout: $0) }
    }
    guard let read else { return nil }
    self.init(read: read.bits, counts: read.counts, offsetSums: read.offsetSums)
  }
}

/// Reads the lists of a record, of which only the length is known to be right.
///
/// What is short is read for all runs without a look at the lists, and what these have is put there afterwards.
@safe private struct RecordReader {
  private(set) var bits: [UInt32] = []
  private(set) var counts: [UInt64] = []
  private(set) var offsetSums: [UInt64?] = []

  private let bytes: UnsafeRawPointer
  private let layout: RecordLayout

  init?(_ bytes: UnsafeRawBufferPointer, layout: RecordLayout) {
    guard let start = bytes.baseAddress else { return nil }
    unsafe self.bytes = unsafe start
    self.layout = layout
    var isRight = true
    bits = unsafe [UInt32](unsafeUninitializedCapacity: layout.runs) { room, made in
      guard let out = room.baseAddress else { return }
      unsafe isRight = readSteps(out) && readLows(out)
      made = layout.runs
    }
    guard isRight else { return nil }
    counts = unsafe [UInt64](unsafeUninitializedCapacity: layout.runs) { room, made in
      guard let out = room.baseAddress else { return }
      unsafe isRight = readCounts(out)
      made = layout.runs
    }
    guard isRight, readSums() else { return nil }
  }

  /// The upper bits of each run.
  private func readSteps(_ out: UnsafeMutablePointer<UInt32>) -> Bool {
    let steps = unsafe bytes + layout.stepStart
    var upper: UInt32 = 0
    for run in 0..<layout.runs {
      // SAFETY: the layout has a byte for each run, and there is room for as many numbers.
      upper &+= unsafe UInt32(steps.load(fromByteOffset: run, as: UInt8.self)) >> 2
      unsafe out[run] = upper << RecordLayout.shift
    }
    guard layout.steps > 0 else { return upper <= 0xffff }
    return unsafe readListedSteps(out)
  }

  /// The same where some are in the list.
  private func readListedSteps(_ out: UnsafeMutablePointer<UInt32>) -> Bool {
    let steps = unsafe bytes + layout.stepStart
    var (upper, listed, isRight) = (0 as UInt64, 0, true)
    for run in 0..<layout.runs {
      // SAFETY: as above; places in the list are below its length.
      var step = unsafe UInt64(steps.load(fromByteOffset: run, as: UInt8.self) >> 2)
      if step == UInt64(RecordLayout.listedStep) {
        guard listed < layout.steps else { return false }
        step = UInt64(number(layout.listedStepStart, listed))
        isRight = isRight && step >= UInt64(RecordLayout.listedStep)
        listed += 1
      }
      upper &+= step
      unsafe out[run] = UInt32(truncatingIfNeeded: upper << UInt64(RecordLayout.shift))
    }
    return isRight && upper <= 0xffff && listed == layout.steps
  }

  /// The low bits of runs that have some; also whether all runs are something.
  private func readLows(_ out: UnsafeMutablePointer<UInt32>) -> Bool {
    let steps = unsafe bytes + layout.stepStart
    var (listed, isRight) = (0, true)
    for start in stride(from: 0, to: layout.runs, by: 8) {
      // SAFETY: eight bytes after those of steps can be read: the header is longer, and lies before them.
      let left = min(8, layout.runs - start)
      let word =
        unsafe steps.loadUnaligned(fromByteOffset: start - (8 - left), as: UInt64.self)
        >> UInt64(8 * (8 - left))
      let odd = word & RecordLayout.lowest
      let isBin = word >> 1 & RecordLayout.lowest
      isRight = isRight && odd & isBin == 0
      guard odd.nonzeroBitCount <= layout.lows - listed else { return false }
      var rest = odd
      while rest != 0 {
        let low = number(layout.lowStart, listed)
        isRight = isRight && low > 0 && UInt32(low) <= RecordLayout.lowBits
        unsafe out[start + rest.trailingZeroBitCount / 8] |= UInt32(low)
        listed += 1
        rest &= rest &- 1
      }
    }
    return isRight && listed == layout.lows
  }

  /// How many elements lie in each run.
  private func readCounts(_ out: UnsafeMutablePointer<UInt64>) -> Bool {
    let short = unsafe bytes + layout.countStart
    for run in 0..<layout.runs {
      // SAFETY: as above.
      unsafe out[run] = UInt64(short.load(fromByteOffset: run, as: UInt8.self))
    }
    var (place, isRight) = (layout.listedCountStart, true)
    for run in 0..<layout.runs where unsafe out[run] == RecordLayout.listedCount {
      guard let count = unsafe RecordLayout.number(bytes, &place, below: layout.sumStart) else {
        return false
      }
      isRight = isRight && count >= RecordLayout.listedCount
      unsafe out[run] = count
    }
    return isRight && place == layout.sumStart
  }

  /// The sums of bins, if there is one.
  private mutating func readSums() -> Bool {
    var (sums, place, hasBins) = ([] as [UInt64?], layout.sumStart, false)
    for run in 0..<layout.runs {
      // SAFETY: as above.
      let form = unsafe UInt32(
        bytes.load(fromByteOffset: layout.stepStart + run, as: UInt8.self) & 3)
      guard form == RecordLayout.Form.bin else {
        if hasBins { sums.append(nil) }
        continue
      }
      guard let sum = unsafe RecordLayout.number(bytes, &place, below: layout.byteCount) else {
        return false
      }
      if !hasBins { sums = Array(repeating: nil, count: run) }
      hasBins = true
      sums.append(sum)
    }
    offsetSums = sums
    return place == layout.byteCount
  }

  /// A number of two bytes in a list.
  @inline(__always) private func number(_ start: Int, _ place: Int) -> UInt16 {
    // SAFETY: the caller knows that the list has the place.
    unsafe bytes.loadUnaligned(fromByteOffset: start + 2 * place, as: UInt16.self)
  }
}
