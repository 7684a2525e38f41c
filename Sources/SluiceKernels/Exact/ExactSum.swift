// Goals, in order: the exact value of any sum of Float32 magnitudes; the same Double whatever the
// order of the terms; cheap enough for one addition per distinct value.

/// A sum of non-negative Float32 values without rounding, as an integer of 384 bits times 2^-149.
///
/// Holds any sum of fewer than 2^107 finite values. `value` rounds once, to nearest even.
/// Source: ALGORITHMS are those of exact accumulation (Kulisch); used for eq. 2-3 of DPPA.
package struct ExactSum: Sendable {
  private var places: InlineArray<6, UInt64> = InlineArray(repeating: 0)

  /// Makes an empty sum.
  package init() {}

  /// How many words the integer has.
  package static let wordCount = 6

  /// The words of the integer, the lowest first: what a file keeps of it.
  package var words: [UInt64] { (0..<ExactSum.wordCount).map { places[$0] } }

  /// Makes a sum of its words; nil unless there are as many as a sum has.
  ///
  /// - Parameter words: The words, the lowest first; any make a sum.
  package init?(words: [UInt64]) {
    guard words.count == ExactSum.wordCount else { return nil }
    for (index, word) in words.enumerated() { places[index] = word }
  }

  /// Adds `count` times the value of a Float32 bit pattern without its sign.
  ///
  /// - Parameters:
  ///   - magnitudeBits: The pattern of a finite value, below `0x7f80_0000`.
  ///   - count: How often, below 2^40.
  package mutating func add(magnitudeBits: UInt32, count: UInt64) {
    add(
      units: ExactSum.units(of: magnitudeBits) * count, inBinadeOf: magnitudeBits)
  }

  /// How many units in the last place of its binade a value is.
  ///
  /// - Parameter magnitudeBits: The pattern of a finite value.
  /// - Returns: The number, below 2^24.
  package static func units(of magnitudeBits: UInt32) -> UInt64 {
    let fraction = UInt64(magnitudeBits & 0x7f_ffff)
    return magnitudeBits >> 23 == 0 ? fraction : fraction | 0x80_0000
  }

  /// Adds a number of units in the last place of the binade that a bit pattern lies in.
  ///
  /// - Parameters:
  ///   - units: How many units.
  ///   - magnitudeBits: Any pattern of the binade.
  package mutating func add(units: UInt64, inBinadeOf magnitudeBits: UInt32) {
    add(units, shiftedBy: Swift.max(Int(magnitudeBits >> 23) - 1, 0))
  }

  /// Adds another sum.
  ///
  /// - Parameter other: The other sum; together they must stay below 2^107 finite values.
  package mutating func add(_ other: ExactSum) {
    var carry = false
    for index in 0..<6 {
      let carriedInto = carry && addWord(1, at: index)
      carry = addWord(other.places[index], at: index) || carriedInto
    }
  }

  private mutating func add(_ units: UInt64, shiftedBy shift: Int) {
    var index = shift >> 6
    let offset = UInt64(shift & 63)
    let low = units << offset
    let high = offset == 0 ? 0 : units >> (64 - offset)
    var carry = addWord(low, at: index) ? 1 as UInt64 : 0
    index += 1
    // The high part is below 2^63, so the carry cannot make it overflow.
    carry = addWord(high + carry, at: index) ? 1 : 0
    while carry != 0 {
      index += 1
      carry = addWord(1, at: index) ? 1 : 0
    }
  }

  private mutating func addWord(_ word: UInt64, at index: Int) -> Bool {
    let (sum, overflow) = places[index].addingReportingOverflow(word)
    places[index] = sum
    return overflow
  }

  /// The sum, rounded to the nearest Double, ties to even.
  package var value: Double {
    guard let top = (0..<6).last(where: { places[$0] != 0 }) else { return 0 }
    let highest = top * 64 + 63 - places[top].leadingZeroBitCount
    // Below 2^53 units the integer is itself a Double; above, keep 53 bits and round the rest.
    guard highest > 52 else { return Double(places[0]) * 0x1p-149 }
    let firstKept = highest - 52
    var mantissa = bits(from: firstKept, count: 53)
    let half = bits(from: firstKept - 1, count: 1)
    if half == 1, mantissa & 1 == 1 || hasBits(below: firstKept - 1) { mantissa += 1 }
    return Double(sign: .plus, exponent: firstKept - 149, significand: Double(mantissa))
  }

  private func bits(from position: Int, count: Int) -> UInt64 {
    let index = position >> 6
    let offset = UInt64(position & 63)
    var result = places[index] >> offset
    if offset > 0, index + 1 < 6 { result |= places[index + 1] << (64 - offset) }
    return count == 64 ? result : result & ((1 << UInt64(count)) - 1)
  }

  private func hasBits(below position: Int) -> Bool {
    let index = position >> 6
    for lower in 0..<index where places[lower] != 0 { return true }
    let offset = UInt64(position & 63)
    return offset > 0 && places[index] & ((1 << offset) - 1) != 0
  }
}
