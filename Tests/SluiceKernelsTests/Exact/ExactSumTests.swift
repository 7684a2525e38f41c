import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Exact sums")
struct ExactSumTests {
  @Test("the sum of no term is zero") func empty() {
    #expect(ExactSum().value == 0)
  }

  @Test("one term comes back as it is, from the smallest subnormal to the largest number")
  func oneTerm() {
    for value: Float in [
      .leastNonzeroMagnitude, .leastNormalMagnitude.nextDown, .leastNormalMagnitude, 1, 1.1,
      0x1.fffffep-1, .greatestFiniteMagnitude,
    ] {
      var sum = ExactSum()
      sum.add(magnitudeBits: value.bitPattern, count: 1)
      #expect(sum.value == Double(value))
    }
  }

  @Test("terms of any size and order sum to the correctly rounded value", arguments: 0..<20)
  func random(seed: UInt64) {
    var random = RepeatableGenerator(seed: seed)
    let spread = Int(seed % 4) * 40
    let values: [Float] = (0..<500).map { _ in
      let exponent = Int.random(in: -spread...spread, using: &random)
      let significand = Float.random(in: 1..<2, using: &random)
      return Float(sign: .plus, exponent: exponent, significand: significand)
    }
    var (forward, backward) = (ExactSum(), ExactSum())
    for value in values { forward.add(magnitudeBits: value.bitPattern, count: 1) }
    for value in values.reversed() { backward.add(magnitudeBits: value.bitPattern, count: 1) }
    let expected = Reference.exactSum(values.map { Double($0) })
    #expect(forward.value == expected && backward.value == expected)
  }

  @Test("a count multiplies without rounding") func counts() {
    var sum = ExactSum()
    sum.add(magnitudeBits: Float(1).bitPattern, count: 1 << 39)
    sum.add(magnitudeBits: Float(0x1p-100).bitPattern, count: 1)
    // One bit far below the last kept one must not change the result.
    #expect(sum.value == 0x1p39)
    sum.add(magnitudeBits: Float(0x1p-14).bitPattern, count: 1)
    // Now half a unit in the last place is exceeded by that bit.
    #expect(sum.value == Double(0x1p39).nextUp)
  }

  @Test("exactly half a unit rounds to the even neighbour") func ties() {
    for (count, expected): (UInt64, Double) in [(1, 0x1p53), (3, 0x1p53 + 4)] {
      var sum = ExactSum()
      sum.add(magnitudeBits: Float(0x1p53).bitPattern, count: 1)
      sum.add(magnitudeBits: Float(1).bitPattern, count: count)
      #expect(sum.value == expected)
    }
  }

  @Test("carries pass through every word") func carries() {
    var sum = ExactSum()
    for exponent in stride(from: -149, through: 127, by: 1) {
      sum.add(
        magnitudeBits: Float(sign: .plus, exponent: exponent, significand: 1).bitPattern, count: 1)
    }
    sum.add(magnitudeBits: Float.leastNonzeroMagnitude.bitPattern, count: 1)
    #expect(sum.value == 0x1p128)
  }
}
