import SluiceTestSupport
import Testing

@Suite("The reference's scalar functions") struct ReferenceScalarTests {
  @Test(
    "bitrev32 of small numbers is the golden value",
    arguments: [
      (0, 0), (1, 2_147_483_648), (2, 1_073_741_824), (3, 3_221_225_472), (4, 536_870_912),
      (5, 2_684_354_560), (0xffff_ffff, 0xffff_ffff), (0x8000_0000, 1),
    ] as [(UInt32, UInt32)])
  func bitReversal(value: UInt32, reversed: UInt32) {
    #expect(Reference.bitrev32(value) == reversed)
    #expect(Reference.bitrev32(reversed) == value)
  }

  @Test("FNV-1a and the draws of DARE are the golden values")
  func hashes() {
    let name = "model.layers.0.mlp.up_proj.weight"
    #expect(Reference.fnv1a64([]) == 0xcbf2_9ce4_8422_2325)
    #expect(Reference.fnv1a64("a".utf8) == 0xaf63_dc4c_8601_ec8c)
    #expect(Reference.fnv1a64(name.utf8) == 0xbb99_f1ca_d1e2_6788)
    let draws = (0..<4).map { Reference.dareDraw(seed: 0, model: 0, tensor: name, index: $0) }
    #expect(draws == [4_785_495, 8_637_732, 6_964_840, 9_124_649])
  }

  @Test(
    "F32 rounds to BF16, to nearest and ties to even",
    arguments: [
      (0x3f80_0000, 0x3f80), (0x3f80_8000, 0x3f80), (0x3f80_8001, 0x3f81), (0x3f81_8000, 0x3f82),
      (0x3f81_7fff, 0x3f81), (0x3fff_8000, 0x4000), (0x8000_0000, 0x8000), (0xbf80_8001, 0xbf81),
      // Subnormals: half of the smallest is even down, more is up; the largest carries to normal.
      (0x0000_8000, 0x0000), (0x0000_8001, 0x0001), (0x0001_8000, 0x0002), (0x007f_ffff, 0x0080),
      // The largest BF16, the last F32 below the middle to infinity, and that middle.
      (0x7f7f_0000, 0x7f7f), (0x7f7f_7fff, 0x7f7f), (0x7f7f_8000, 0x7f80), (0x7f80_0000, 0x7f80),
      (0xff7f_ffff, 0xff80), (0x7f80_0001, 0x7fc0), (0xffc0_0000, 0xffc0),
    ] as [(UInt32, UInt16)])
  func bf16(value: UInt32, rounded: UInt16) {
    #expect(Reference.bf16Bits(Float(bitPattern: value)) == rounded)
  }

  @Test(
    "F32 rounds to F16, to nearest and ties to even",
    arguments: [
      (1, 0x3c00), (-2, 0xc000), (-0.0, 0x8000), (1 + 0x1p-11, 0x3c00), (1 + 0x3p-11, 0x3c02),
      (1 + 0x1.002p-11, 0x3c01), (0x1.ffep0 + 0x1p-11, 0x4000),
      // Overflow: 65504 is the largest, 65520 the middle.
      (65504, 0x7bff), (65519.996, 0x7bff), (65520, 0x7c00), (-1e30, 0xfc00), (.infinity, 0x7c00),
      // Subnormals are multiples of 2^-24; 2^-14 is the smallest normal.
      (0x1p-14, 0x0400), (0x1p-24, 0x0001), (0x1p-25, 0x0000), (0x1.000002p-25, 0x0001),
      (0x3p-25, 0x0002), (0x5p-25, 0x0002), (0x1p-14 - 0x1p-26, 0x0400), (0x1p-40, 0x0000),
      (-0x1p-149, 0x8000),
    ] as [(Float, UInt16)])
  func f16(value: Float, rounded: UInt16) {
    #expect(Reference.f16Bits(value) == rounded)
  }

  @Test("Every BF16 and F16 number but NaN survives widening and rounding")
  func roundTrips() {
    var failures: [UInt16] = []
    for bits in UInt16.min...UInt16.max {
      let brain = Reference.float(bf16: bits)
      let half = Reference.float(f16: bits)
      if brain.isNaN
        ? !Reference.float(bf16: Reference.bf16Bits(brain)).isNaN
        : Reference.bf16Bits(brain) != bits
      {
        failures.append(bits)
      }
      if half.isNaN
        ? !Reference.float(f16: Reference.f16Bits(half)).isNaN
        : Reference.f16Bits(half) != bits
      {
        failures.append(bits)
      }
    }
    #expect(failures == [])
  }

  @Test("F16 conversion agrees with the language's own type on random bits")
  func hardware() {
    var generator = RepeatableGenerator(seed: 3)
    var failures: [UInt32] = []
    for _ in 0..<40_000 {
      // Exponents around the range of F16, where something can go wrong.
      let exponent = UInt32(generator.integer(in: 95...145))
      let bits = UInt32(generator.next() >> 32) & 0x807f_ffff | exponent << 23
      let value = Float(bitPattern: bits)
      if Reference.f16Bits(value) != Float16(value).bitPattern { failures.append(bits) }
      let half = UInt16(bits >> 16)
      if half & 0x7c00 != 0x7c00 {
        if Reference.float(f16: half) != Float(Float16(bitPattern: half)) { failures.append(bits) }
      }
    }
    #expect(failures == [])
  }
}
