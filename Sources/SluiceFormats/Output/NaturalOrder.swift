/// The order in which people count: `layers.2.` comes before `layers.10.`.
package enum NaturalOrder {
  /// Compares two names; runs of ASCII digits compare as numbers of any length, everything else as
  /// bytes, and names that are equal in this way (`a1`, `a01`) as bytes: a total order.
  package static func isOrderedBefore(_ a: String, _ b: String) -> Bool {
    isOrderedBefore(a.utf8.span, b.utf8.span)
  }

  /// The same of names as UTF-8.
  static func isOrderedBefore(_ x: borrowing Span<UInt8>, _ y: borrowing Span<UInt8>) -> Bool {
    // What both begin with decides nothing, but for a number that it ends within.
    var i = NaturalOrder.commonByteCount(x, y)
    while i > 0, isDigit(x[i - 1]) { i -= 1 }
    var j = i
    while i < x.count, j < y.count {
      guard isDigit(x[i]), isDigit(y[j]) else {
        if x[i] != y[j] { return x[i] < y[j] }
        i += 1
        j += 1
        continue
      }
      // Without leading zeros the longer run is the larger number, and equal lengths compare as bytes.
      while i < x.count, x[i] == UInt8(ascii: "0") { i += 1 }
      while j < y.count, y[j] == UInt8(ascii: "0") { j += 1 }
      var order = 0
      while i < x.count, j < y.count, isDigit(x[i]), isDigit(y[j]) {
        if order == 0 { order = Int(x[i]) - Int(y[j]) }
        i += 1
        j += 1
      }
      if i < x.count, isDigit(x[i]) { return false }
      if j < y.count, isDigit(y[j]) { return true }
      if order != 0 { return order < 0 }
    }
    if i < x.count || j < y.count { return j < y.count }
    return NameList.precedes(x, y)
  }

  /// How many bytes both begin with: names of one model begin alike, and ten thousands are compared.
  static func commonByteCount(_ x: borrowing Span<UInt8>, _ y: borrowing Span<UInt8>) -> Int {
    let shorter = min(x.count, y.count)
    // Safe: bytes have no padding, and words are read where all of their bytes lie before the shorter end.
    let (a, b) = unsafe (x.bytes, y.bytes)
    var count = 0
    while count + 8 <= shorter {
      let first = unsafe a.unsafeLoadUnaligned(fromUncheckedByteOffset: count, as: UInt64.self)
      let other = unsafe b.unsafeLoadUnaligned(fromUncheckedByteOffset: count, as: UInt64.self)
      let difference = UInt64(littleEndian: first ^ other)
      guard difference == 0 else { return count + difference.trailingZeroBitCount / 8 }
      count += 8
    }
    while count < shorter, x[count] == y[count] { count += 1 }
    return count
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
  }
}
