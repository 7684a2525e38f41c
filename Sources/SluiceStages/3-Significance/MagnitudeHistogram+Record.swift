package import SluiceKernels

// Histograms of 16-bit weights have long stretches in which the low bits are zero and the others go up by
// one: so a record says how far the upper bits are from those of the entry before.

extension MagnitudeHistogram {
  /// What an entry is, in the two lowest bits of its first number.
  private enum Form {
    /// A magnitude without low bits.
    static var even: UInt32 { 0 }
    /// A magnitude with low bits, which follow.
    static var odd: UInt32 { 1 }
    /// A bin.
    static var bin: UInt32 { 2 }
  }

  /// The most bytes of a number: seven bits in each.
  private static let longestNumber = 10
  /// The most bytes of a magnitude, and of a bin: upper bits, low bits, count, distances.
  private static let (longestMagnitude, longestBin) = (11, 17)

  /// The record of the histogram.
  ///
  /// The number of entries; then for each how far its upper 16 bits are from those of the one before, times 4,
  /// plus 0 for a magnitude without low bits, 1 for one with, and 2 for a bin; the low 15 bits, if there are some,
  /// in two bytes; the count; and of a bin the sum of distances from its first magnitude. Numbers
  /// have seven bits in each byte, the lowest first, and the highest bit in all bytes but the last.
  ///
  /// - Returns: The bytes.
  package func encoded() -> [UInt8] {
    let entries = entries
    let most = hasBins ? MagnitudeHistogram.longestBin : MagnitudeHistogram.longestMagnitude
    let room = MagnitudeHistogram.longestNumber + entries.count * most
    // Looked up once: another module has them, and there may be millions of entries.
    let (shift, lowBits) = (UInt32(MagnitudeHistogram.binShift), MagnitudeHistogram.binWidth - 1)
    return unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, initializedCount in
      guard let start = buffer.baseAddress else { return }
      var out = unsafe start
      // SAFETY: there is room for the longest numbers of all entries.
      unsafe MagnitudeHistogram.put(UInt64(entries.count), &out)
      var last: UInt32 = 0
      for entry in entries {
        let (upper, low, isBin) = (entry.bits >> shift, entry.bits & lowBits, entry.span > 1)
        let form = isBin ? Form.bin : low == 0 ? Form.even : Form.odd
        unsafe MagnitudeHistogram.put(UInt64(upper &- last) << 2 | UInt64(form), &out)
        last = upper
        if form == Form.odd {
          unsafe out[0] = UInt8(truncatingIfNeeded: low)
          unsafe out[1] = UInt8(truncatingIfNeeded: low >> 8)
          unsafe out += 2
        }
        unsafe MagnitudeHistogram.put(entry.count, &out)
        if isBin { unsafe MagnitudeHistogram.put(entry.offsetSum, &out) }
      }
      initializedCount = unsafe out - start
    }
  }

  @inline(__always) private static func put(
    _ number: UInt64, _ out: inout UnsafeMutablePointer<UInt8>
  ) {
    var rest = number
    while rest > 0x7f {
      // SAFETY: the caller has room for the longest number.
      unsafe out.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
      unsafe out += 1
      rest >>= 7
    }
    unsafe out.pointee = UInt8(truncatingIfNeeded: rest)
    unsafe out += 1
  }

  /// Reads a record; nil if it is none, or no histogram.
  package init?(encoded record: [UInt8]) {
    // SAFETY: the bytes are used inside the closure only.
    let entries = unsafe record.withUnsafeBufferPointer { bytes in
      unsafe MagnitudeHistogram.entries(of: bytes)
    }
    guard let entries else { return nil }
    self.init(read: entries)
  }

  /// All entries of a record; nil if there are fewer, something follows, or a number is too large.
  private static func entries(of bytes: UnsafeBufferPointer<UInt8>) -> [Entry]? {
    var position = 0
    // An entry has two bytes or more.
    guard let count = unsafe Int(exactly: number(bytes, &position)), count <= bytes.count / 2
    else { return nil }
    let (shift, width) = (UInt32(MagnitudeHistogram.binShift), MagnitudeHistogram.binWidth)
    var isWhole = false
    let entries = unsafe [Entry](unsafeUninitializedCapacity: count) { room, made in
      var upper: UInt64 = 0
      while made < count {
        let step = unsafe number(bytes, &position)
        let form = step & 3
        upper &+= step >> 2
        // What is no magnitude at all would not fit its type either; nor is a number that is not there.
        guard upper < 1 << 17, form < 3 else { return }
        var bits = UInt32(truncatingIfNeeded: upper) << shift
        if form == UInt64(Form.odd) {
          guard position + 2 <= bytes.count else { return }
          // SAFETY: the bytes are there.
          let low = unsafe UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
          position += 2
          guard low > 0, low < width else { return }
          bits |= low
        }
        let elements = unsafe number(bytes, &position)
        guard elements != .max else { return }
        var entry = Entry(bits: bits, count: elements)
        if form == UInt64(Form.bin) {
          (entry.span, entry.offsetSum) = (width, unsafe number(bytes, &position))
          guard entry.offsetSum != .max else { return }
        }
        // SAFETY: there is room for so many entries.
        unsafe room.initializeElement(at: made, to: entry)
        made += 1
      }
      isWhole = position == bytes.count
    }
    return isWhole ? entries : nil
  }

  /// The number at a position, which moves on; the largest number if there is none, or a larger one.
  @inline(__always) private static func number(
    _ bytes: UnsafeBufferPointer<UInt8>, _ position: inout Int
  ) -> UInt64 {
    var (value, shift) = (0 as UInt64, 0 as UInt64)
    while position < bytes.count, shift < 63 {
      // SAFETY: the position was just checked.
      let byte = unsafe bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return .max
  }
}
