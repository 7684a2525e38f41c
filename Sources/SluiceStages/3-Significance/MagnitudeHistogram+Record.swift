package import SluiceKernels

// Histograms of 16-bit weights have long stretches in which the low bits are zero and the others go up by
// one: so a record says how far the upper bits are from those of the entry before.

extension MagnitudeHistogram {
  /// What an entry is, in the lowest bits of its first number.
  private enum Form {
    /// A magnitude without low bits.
    static let even: UInt64 = 0
    /// A magnitude with low bits, which follow.
    static let odd: UInt64 = 1
    /// A bin.
    static let bin: UInt64 = 2
    static let width: UInt64 = 2
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
    return unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, initializedCount in
      guard let start = buffer.baseAddress else { return }
      var out = unsafe start
      // SAFETY: there is room for the longest numbers of all entries.
      unsafe MagnitudeHistogram.put(UInt64(entries.count), &out)
      var last: UInt32 = 0
      for entry in entries {
        let upper = entry.bits >> UInt32(MagnitudeHistogram.binShift)
        let low = entry.bits & (MagnitudeHistogram.binWidth - 1)
        let isBin = entry.span > 1
        let form = isBin ? Form.bin : low == 0 ? Form.even : Form.odd
        unsafe MagnitudeHistogram.put(UInt64(upper - last) << Form.width | form, &out)
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
    let entries = unsafe record.withUnsafeBufferPointer { bytes -> [Entry]? in
      var reader = unsafe RecordReader(bytes)
      return reader.entries()
    }
    guard let entries else { return nil }
    self.init(read: entries)
  }

  /// Reads the numbers of a record.
  @safe private struct RecordReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let end: Int
    private var position = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
      unsafe self.bytes = unsafe bytes
      end = bytes.count
    }

    /// All entries; nil if there are fewer, something follows, or a number is too large.
    mutating func entries() -> [Entry]? {
      // An entry has two bytes or more.
      guard let count = number(), count <= UInt64(end / 2) else { return nil }
      var isWhole = true
      let entries = unsafe [Entry](unsafeUninitializedCapacity: Int(count)) { room, made in
        var upper: UInt64 = 0
        for index in 0..<Int(count) {
          guard let entry = entry(&upper) else {
            isWhole = false
            break
          }
          // SAFETY: there is room for so many entries.
          unsafe room.initializeElement(at: index, to: entry)
          made = index + 1
        }
      }
      return isWhole && position == end ? entries : nil
    }

    @inline(__always) private mutating func entry(_ upper: inout UInt64) -> Entry? {
      guard let step = number() else { return nil }
      let form = step & 3
      upper += step >> Form.width
      // What is no magnitude at all would not fit its type either.
      guard upper < 1 << 17, form <= Form.bin else { return nil }
      var bits = UInt32(upper) << UInt32(MagnitudeHistogram.binShift)
      if form == Form.odd {
        guard position + 2 <= end else { return nil }
        // SAFETY: the bytes are there.
        let low = unsafe UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
        position += 2
        guard low > 0, low < MagnitudeHistogram.binWidth else { return nil }
        bits |= low
      }
      guard let count = number() else { return nil }
      guard form == Form.bin else { return Entry(bits: bits, count: count) }
      guard let offsetSum = number() else { return nil }
      return Entry(
        bits: bits, span: MagnitudeHistogram.binWidth, count: count, offsetSum: offsetSum)
    }

    @inline(__always) private mutating func number() -> UInt64? {
      var (value, shift) = (0 as UInt64, 0 as UInt64)
      while position < end, shift < 63 {
        // SAFETY: the position was just checked.
        let byte = unsafe bytes[position]
        position += 1
        value |= UInt64(byte & 0x7f) << shift
        if byte < 0x80 { return value }
        shift += 7
      }
      return nil
    }
  }
}
