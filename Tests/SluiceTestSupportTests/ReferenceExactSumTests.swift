import SluiceTestSupport
import Testing

@Suite("The reference's exact sum") struct ReferenceExactSumTests {
  @Test(
    "Sums worked out by hand are rounded once, ties to even",
    arguments: [
      ([], 0), ([0, 0], 0), ([0.5], 0.5), ([1, 2, 3, 4], 10),
      // Half a unit in the last place alone goes to the even neighbour, up or down.
      ([1, 0x1p-53], 1), ([1 + 0x1p-52, 0x1p-53], 1 + 0x1p-51),
      // Two halves are a whole, which sums in sequence never see.
      ([1, 0x1p-53, 0x1p-53], 1 + 0x1p-52),
      // The least part beyond the middle decides, however small and on either side.
      ([1, 0x1p-53, 0x1p-1000], 1 + 0x1p-52), ([1, 0x1p-53, -0x1p-1000], 1),
      ([1 + 0x1p-52, 0x1p-53, -0x1p-1000], 1 + 0x1p-52),
      // Below a power of two units are half as large.
      ([1, -0x1p-54], 1), ([1, -0x1p-54, -0x1p-1000], 1 - 0x1p-53),
      ([1, -0x1p-54, 0x1p-1000], 1),
      // Cancellation loses nothing.
      ([1e100, 1, -1e100], 1), ([1e16, 1, 1e-16, -1e16], 1),
    ] as [([Double], Double)])
  func byHand(values: [Double], sum: Double) {
    #expect(Reference.exactSum(values) == sum)
    #expect(Reference.exactSum(values.reversed()) == sum)
  }

  @Test("Sums agree with 128-bit integers in any order", arguments: 0..<40 as Range<UInt64>)
  func againstIntegers(seed: UInt64) {
    var generator = RepeatableGenerator(seed: seed)
    var total: UInt128 = 0
    var values: [Double] = []
    for _ in 0..<generator.integer(in: 1...300) {
      let significand = generator.next() >> 40
      let exponent = generator.integer(in: 0...90)
      total += UInt128(significand) << UInt128(exponent)
      values.append(Double(significand) * Double(sign: .plus, exponent: exponent, significand: 1))
    }
    #expect(Reference.exactSum(values) == rounded(total))
    generator.shuffle(&values)
    #expect(Reference.exactSum(values) == rounded(total))
  }

  /// The nearest Double of an integer, ties to even, by long division.
  private func rounded(_ value: UInt128) -> Double {
    let excess = 128 - value.leadingZeroBitCount - 53
    guard excess > 0 else { return Double(UInt64(value)) }
    let unit = UInt128(1) << UInt128(excess)
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: unit)
    let roundsUp = rest > unit / 2 || (rest == unit / 2 && quotient % 2 == 1)
    let significand = Double(UInt64(quotient) + (roundsUp ? 1 : 0))
    return significand * Double(sign: .plus, exponent: excess, significand: 1)
  }
}
