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
      made = unsafe putRecord(out)
    }
  }

  /// Makes the record for a look at it, where it fits into memory that is used for one after the other.
  ///
  /// - Parameters:
  ///   - scratch: The memory.
  ///   - body: Gets the bytes.
  package func withRecord(
    in scratch: AlignedBuffer<UInt8>, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    guard RecordLayout.room(for: self) <= scratch.count else {
      return unsafe encoded().withUnsafeBytes { unsafe body($0) }
    }
    let count = unsafe putRecord(UnsafeMutableRawPointer(scratch.pointer))
    unsafe body(UnsafeRawBufferPointer(start: scratch.pointer, count: count))
  }

  /// Puts the record where there is room for it, and returns its bytes.
  private func putRecord(_ out: UnsafeMutableRawPointer) -> Int {
    var layout = RecordLayout(runs: runCount)
    // SAFETY: there is room for a byte and a number in each list of every run.
    unsafe bits.withUnsafeBufferPointer { unsafe putBits($0, &layout, out) }
    unsafe counts.withUnsafeBufferPointer {
      unsafe MagnitudeHistogram.putCounts($0, &layout, out)
    }
    for case let sum? in offsetSums {
      layout.sumBytes += unsafe RecordLayout.put(sum, out + layout.byteCount)
    }
    unsafe layout.putHeader(out)
    return layout.byteCount
  }

  /// Puts the first byte of each run, and the lists of longer steps and of low bits.
  private func putBits(
    _ bits: UnsafeBufferPointer<UInt32>, _ layout: inout RecordLayout,
    _ out: UnsafeMutableRawPointer
  ) {
    // SAFETY: what is written after the end of a list is written over by what comes next.
    let bytes = unsafe out + layout.stepStart
    layout.steps = unsafe Kernels.best.putSteps(
      bits, into: bytes, list: out + layout.listedStepStart)
    if hasBins {
      for index in bits.indices where isBin(at: index) {
        let step = unsafe bytes.load(fromByteOffset: index, as: UInt8.self)
        unsafe bytes.storeBytes(
          of: step | UInt8(RecordLayout.Form.bin), toByteOffset: index, as: UInt8.self)
      }
    }
    layout.lows = unsafe Kernels.best.putLows(bits, into: out + layout.lowStart)
  }

  /// Puts the byte of each run's count, and the list of larger ones.
  private static func putCounts(
    _ counts: UnsafeBufferPointer<UInt64>, _ layout: inout RecordLayout,
    _ out: UnsafeMutableRawPointer
  ) {
    // SAFETY: as above.
    layout.countBytes = unsafe Kernels.best.putCounts(
      counts, into: out + layout.countStart, list: out + layout.listedCountStart)
  }
}
