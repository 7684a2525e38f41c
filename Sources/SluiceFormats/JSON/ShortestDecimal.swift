/// The shortest decimal that reads back as a number, and of those the closest to it: what its `description` writes,
/// without a text of its own for each, of which a report has hundred thousands.
///
/// Source: R. Giulietti, "The Schubfach way to render doubles", 2022.
struct ShortestDecimal {
  /// The digits as a whole number, the last of which is not 0.
  let digits: UInt64
  /// The power of ten that they are multiplied by.
  let exponent: Int

  /// The powers of ten that 128 bits hold exactly, each shifted up until the highest bit is set.
  private static let powers: [UInt128] = {
    var power: UInt128 = 1
    return (0...55).map { _ in
      defer { power = power &* 5 }
      return power << power.leadingZeroBitCount
    }
  }()

  /// Finds the decimal of a number from some 1e-38 up to 2^53; nil of others.
  init?(_ number: Double) {
    guard number.isNormal, number > 0, number < 0x1p53 else { return nil }
    let significand = number.significandBitPattern | 1 << 52
    let exponent = Int(number.exponentBitPattern) - 1075
    // Below a power of two the next number is half as far away.
    let isLowerCloser = number.significandBitPattern == 0
    // The power of ten that is as large as the gap between numbers, or just below it.
    let power = (exponent * 1_262_611 - (isLowerCloser ? 524_031 : 0)) >> 22
    guard ShortestDecimal.powers.indices.contains(-power) else { return nil }
    let shift = exponent + ((-power * 1_741_647) >> 19) + 1
    let scale = ShortestDecimal.powers[-power]
    // Four times the number, and the ends of what is rounded to it, in units of that power.
    let (four, isOdd) = (4 * significand, significand & 1)
    let whole = ShortestDecimal.roundedToOdd(scale, four << shift)
    let lower =
      ShortestDecimal.roundedToOdd(scale, (four - (isLowerCloser ? 1 : 2)) << shift) + isOdd
    let upper = ShortestDecimal.roundedToOdd(scale, (four + 2) << shift) - isOdd
    (digits, self.exponent) = ShortestDecimal.withoutZeros(
      ShortestDecimal.shortest(whole, lower, upper, power))
  }

  private static func shortest(
    _ whole: UInt64, _ lower: UInt64, _ upper: UInt64, _ power: Int
  ) -> (UInt64, Int) {
    let unit = whole / 4
    if unit >= 10 {
      let ten = unit / 10
      let (isDown, isUp) = (lower <= 40 * ten, 40 * ten + 40 <= upper)
      if isDown != isUp { return (isUp ? ten + 1 : ten, power + 1) }
    }
    let (isDown, isUp) = (lower <= 4 * unit, 4 * unit + 4 <= upper)
    if isDown != isUp { return (isUp ? unit + 1 : unit, power) }
    let middle = 4 * unit + 2
    let roundsUp = whole > middle || (whole == middle && unit & 1 == 1)
    return (roundsUp ? unit + 1 : unit, power)
  }

  /// The upper 64 bits of a product of 192, the last of which says whether there is more.
  private static func roundedToOdd(_ scale: UInt128, _ factor: UInt64) -> UInt64 {
    let low = UInt64(truncatingIfNeeded: scale).multipliedFullWidth(by: factor)
    let high = UInt64(truncatingIfNeeded: scale >> 64).multipliedFullWidth(by: factor)
    let (middle, carries) = high.low.addingReportingOverflow(low.high)
    return (high.high &+ (carries ? 1 : 0)) | (middle > 1 ? 1 : 0)
  }

  private static func withoutZeros(_ decimal: (UInt64, Int)) -> (UInt64, Int) {
    var (digits, exponent) = decimal
    while digits % 100_000_000 == 0 { (digits, exponent) = (digits / 100_000_000, exponent + 8) }
    if digits % 10_000 == 0 { (digits, exponent) = (digits / 10_000, exponent + 4) }
    if digits % 100 == 0 { (digits, exponent) = (digits / 100, exponent + 2) }
    if digits % 10 == 0 { (digits, exponent) = (digits / 10, exponent + 1) }
    return (digits, exponent)
  }
}

extension TextBuffer {
  /// Appends a number as its `description` has it.
  ///
  /// - Parameter number: The number, which is finite.
  mutating func append(_ number: Double) {
    guard let decimal = ShortestDecimal(number.magnitude) else {
      return append(number.description)
    }
    if number < 0 { append(UInt8(ascii: "-")) }
    append(decimal)
  }

  private mutating func append(_ decimal: ShortestDecimal) {
    let (digits, zero) = (decimal.digits, UInt8(ascii: "0"))
    let count = TextBuffer.digitCount(digits)
    // How many digits stand before the point.
    let before = count + decimal.exponent
    if before < -3 {
      let power = TextBuffer.powers[count - 1]
      append(decimal: digits / power)
      if count > 1 {
        append(UInt8(ascii: "."))
        append(decimal: digits % power, width: count - 1)
      }
      append("e-" as StaticString)
      append(decimal: UInt64(1 - before), width: 2)
    } else if before <= 0 {
      append("0." as StaticString)
      append(zero, count: -before)
      append(decimal: digits)
    } else if before >= count {
      append(decimal: digits)
      append(zero, count: before - count)
      append(".0" as StaticString)
    } else {
      let power = TextBuffer.powers[count - before]
      append(decimal: digits / power)
      append(UInt8(ascii: "."))
      append(decimal: digits % power, width: count - before)
    }
  }

  private static let powers: [UInt64] = {
    var power: UInt64 = 1
    return (0..<20).map { _ in
      defer { power = power &* 10 }
      return power
    }
  }()

  private static func digitCount(_ number: UInt64) -> Int {
    // The logarithm of two is 1233/4096, as far as 64 bits go.
    let guess = (UInt64.bitWidth - number.leadingZeroBitCount) * 1233 / 4096
    return guess + (number >= powers[guess] ? 1 : 0)
  }
}
