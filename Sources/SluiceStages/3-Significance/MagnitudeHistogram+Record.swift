package import SluiceKernels

// Histograms of 16-bit weights have long stretches in which the low bits are zero and the others go up by
// one: so a record says how far the upper bits are from those of the run before. What is short has a byte for each run,
// one after the other, so that many can be written at once; the few that are longer have lists.

extension MagnitudeHistogram {
  /// The record of the histogram.
  ///
  /// Five numbers of four bytes: how many runs there are, numbers in two lists, and bytes in two more. For each run a
  /// byte with how far its upper 16 bits are from those of the one before, at most 63, times 4, plus 0 for a
  /// magnitude without low bits, 1 for one with, and 2 for a bin; then for each a byte with the count, at most 255.
  /// The lists: steps from 63 on (two bytes), the low 15 bits (two), counts from 255 on, and of bins the sum of
  /// distances from the first magnitude (both with seven bits in each byte). Other numbers are little-endian.
  ///
  /// - Returns: The bytes.
  package func encoded() -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: RecordLayout.room(for: self)) { room, made in
      guard let out = UnsafeMutableRawPointer(room.baseAddress) else { return }
      var layout = RecordLayout(runs: runCount)
      // SAFETY: there is room for a byte and a number in each list of every run.
      unsafe bits.withUnsafeBufferPointer { unsafe putSteps($0, &layout, out) }
      unsafe counts.withUnsafeBufferPointer {
        unsafe MagnitudeHistogram.putCounts($0, &layout, out)
      }
      for case let sum? in offsetSums {
        layout.sumBytes += unsafe RecordLayout.put(sum, out + layout.byteCount)
      }
      unsafe layout.putHeader(out)
      made = layout.byteCount
    }
  }

  /// Puts the first byte of each run, and the lists of longer steps and of low bits.
  @inline(__always) private func putSteps(
    _ bits: UnsafeBufferPointer<UInt32>, _ layout: inout RecordLayout,
    _ out: UnsafeMutableRawPointer
  ) {
    // SAFETY: what is not to stay in a list is written over by what comes next.
    let bytes = unsafe out + layout.stepStart
    var last: UInt32 = 0
    for index in bits.indices {
      let first = unsafe bits[index]
      let upper = first >> RecordLayout.shift
      let form =
        first & RecordLayout.lowBits == 0 ? RecordLayout.Form.even : RecordLayout.Form.odd
      unsafe bytes.storeBytes(
        of: UInt8(truncatingIfNeeded: min(upper &- last, RecordLayout.listedStep) << 2 | form),
        toByteOffset: index, as: UInt8.self)
      last = upper
    }
    let longest = UInt8(RecordLayout.listedStep << 2)
    unsafe RecordLayout.forEachListed(UnsafeRawPointer(bytes), bits.count, longest) { index in
      let before = unsafe index == 0 ? 0 : bits[index - 1] >> RecordLayout.shift
      let step = unsafe (bits[index] >> RecordLayout.shift) &- before
      unsafe out.storeBytes(
        of: UInt16(truncatingIfNeeded: step), toByteOffset: layout.lowStart, as: UInt16.self)
      layout.steps += 1
    }
    if hasBins {
      for index in bits.indices where isBin(at: index) {
        let step = unsafe bytes.load(fromByteOffset: index, as: UInt8.self)
        unsafe bytes.storeBytes(
          of: step | UInt8(RecordLayout.Form.bin), toByteOffset: index, as: UInt8.self)
      }
    }
    let lowStart = layout.lowStart
    var lows = 0
    for index in bits.indices {
      let first = unsafe bits[index]
      let low = UInt16(truncatingIfNeeded: first & RecordLayout.lowBits)
      unsafe out.storeBytes(of: low, toByteOffset: lowStart &+ 2 &* lows, as: UInt16.self)
      // 1 unless it is zero, without a branch that could not be foreseen.
      lows &+= (Int(low) &+ 0xffff) >> 16
    }
    layout.lows = lows
  }

  /// Puts the byte of each run's count, and the list of larger ones.
  @inline(__always) private static func putCounts(
    _ counts: UnsafeBufferPointer<UInt64>, _ layout: inout RecordLayout,
    _ out: UnsafeMutableRawPointer
  ) {
    // SAFETY: as above.
    let bytes = unsafe out + layout.countStart
    for index in counts.indices {
      unsafe bytes.storeBytes(
        of: UInt8(truncatingIfNeeded: min(counts[index], RecordLayout.listedCount)),
        toByteOffset: index, as: UInt8.self)
    }
    let largest = UInt8(RecordLayout.listedCount)
    unsafe RecordLayout.forEachListed(UnsafeRawPointer(bytes), counts.count, largest) { index in
      layout.countBytes += unsafe RecordLayout.put(counts[index], out + layout.sumStart)
    }
  }
}
