internal import SluiceKernels

/// How a record of a histogram is laid out.
struct RecordLayout {
  /// What a run is, in the two lowest bits of its first byte.
  enum Form {
    // 0 is a magnitude without low bits, and 1 one with, which are in a list: kernels put them.
    /// A bin.
    static var bin: UInt32 { 2 }
  }

  /// How many low bits are not in a step, and which they are: those of a bin.
  static var shift: UInt32 { 15 }
  static var lowBits: UInt32 { 0x7fff }
  /// The bytes of the five numbers at the beginning.
  static var headerByteCount: Int { 20 }
  /// What a byte holds of a step if it is in a list.
  static var listedStep: UInt32 { 63 }
  /// What a byte holds of a count if it is in a list.
  static var listedCount: UInt64 { 255 }

  /// How many runs there are, how many of them have low bits, and how many steps are in the list.
  var (runs, lows, steps) = (0, 0, 0)
  /// The bytes of the lists of counts and of sums.
  var (countBytes, sumBytes) = (0, 0)

  var stepStart: Int { RecordLayout.headerByteCount }
  var countStart: Int { stepStart + runs }
  var listedStepStart: Int { countStart + runs }
  var lowStart: Int { listedStepStart + 2 * steps }
  var listedCountStart: Int { lowStart + 2 * lows }
  var sumStart: Int { listedCountStart + countBytes }
  var byteCount: Int { sumStart + sumBytes }

  /// The most bytes that a histogram needs, with those that writing it takes beyond its end.
  static func room(for histogram: MagnitudeHistogram) -> Int {
    headerByteCount + histogram.runCount * (histogram.hasBins ? 26 : 16) + Kernels.lowSlack
  }

  /// Makes the layout of a histogram that no number is known of.
  init(runs: Int) { self.runs = runs }

  /// Puts the numbers at the beginning of a record, which has room for them.
  func putHeader(_ out: UnsafeMutableRawPointer) {
    for (index, number) in [runs, steps, lows, countBytes, sumBytes].enumerated() {
      // SAFETY: the header has room for five numbers of four bytes.
      unsafe out.storeBytes(of: UInt32(number), toByteOffset: 4 * index, as: UInt32.self)
    }
  }

  /// Reads the numbers at the beginning of a record; nil if there are none, or they are not those of so many bytes.
  init?(_ record: UnsafeRawBufferPointer) {
    guard record.count >= RecordLayout.headerByteCount else { return nil }
    func number(_ index: Int) -> Int {
      // SAFETY: the header was just found to be there.
      unsafe Int(record.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
    }
    (runs, steps, lows) = (number(0), number(1), number(2))
    (countBytes, sumBytes) = (number(3), number(4))
    guard byteCount == record.count, max(steps, lows) <= runs else { return nil }
  }
}

extension RecordLayout {
  /// The lowest bit of each of eight bytes.
  static var lowest: UInt64 { 0x0101_0101_0101_0101 }

  /// Puts a number with seven bits in each byte, and returns how many bytes it has.
  @inline(__always) static func put(_ number: UInt64, _ out: UnsafeMutableRawPointer) -> Int {
    var (rest, length) = (number, 0)
    while rest > 0x7f {
      // SAFETY: the caller has room for the ten bytes of the longest number.
      unsafe out.storeBytes(
        of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: length, as: UInt8.self)
      rest >>= 7
      length += 1
    }
    unsafe out.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: length, as: UInt8.self)
    return length + 1
  }

  /// The number of seven bits a byte at a place, which moves on; nil if none ends below another place.
  @inline(__always) static func number(
    _ bytes: UnsafeRawPointer, _ place: inout Int, below end: Int
  ) -> UInt64? {
    var (value, shift) = (0 as UInt64, 0 as UInt64)
    while place < end, shift < 63 {
      // SAFETY: the caller has the bytes below the end.
      let byte = unsafe bytes.load(fromByteOffset: place, as: UInt8.self)
      place += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }
}
