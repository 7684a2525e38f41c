import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Packing kept elements as changes of patterns") struct PackingTests {
  /// The scalar definition: zigzag of the difference of patterns, and the halvings of the base below 1.
  private func code(_ tuned: UInt32, _ base: UInt32, _ dtype: DType) -> (UInt32, UInt8) {
    let (bits, fraction, bias): (Int, Int, Int) =
      dtype == .f16 ? (16, 10, 15) : dtype == .bf16 ? (16, 7, 127) : (32, 23, 127)
    let modulus = Int64(1) << Int64(bits)
    var difference = Int64(tuned) - Int64(base)
    if difference >= modulus / 2 { difference -= modulus }
    if difference < -modulus / 2 { difference += modulus }
    let zigzag = difference >= 0 ? 2 * difference : -2 * difference - 1
    let exponents = dtype == .f16 ? 31 : 255
    let exponent = bias - (Int(base) >> fraction & exponents)
    return (UInt32(zigzag), UInt8(min(max(exponent, 0), 15)))
  }

  private func patterns(_ count: Int, _ dtype: DType, seed: UInt64) -> [UInt32] {
    var generator = BlockGenerator(state: seed)
    return (0..<count).map { _ in
      UInt32(truncatingIfNeeded: generator.next() >> 20) & (dtype == .f32 ? .max : 0xffff)
    }
  }

  /// Patterns as those of a fine-tune: mostly near the base's, so that codes have one byte.
  private func near(_ base: [UInt32], _ dtype: DType) -> [UInt32] {
    var generator = BlockGenerator(state: 5)
    return base.map { pattern in
      let draw = generator.next()
      let change = UInt32(truncatingIfNeeded: draw >> 8) & (draw % 16 == 0 ? 0xfff : 0x3f)
      return (pattern &+ change &- 0x20) & (dtype == .f32 ? .max : 0xffff)
    }
  }

  /// Patterns of small weights, whose exponents fall into a few classes.
  private func small(_ count: Int, _ dtype: DType) -> [UInt32] {
    let exponent: UInt32 = dtype == .f16 ? 9 << 10 : dtype == .bf16 ? 120 << 7 : 120 << 23
    let span: UInt32 = dtype == .f16 ? 0xfff : dtype == .bf16 ? 0x1ff : 0x1ff_ffff
    return patterns(count, dtype, seed: 3).map { exponent + $0 & span }
  }

  private func bytes(_ patterns: [UInt32], _ dtype: DType) -> [UInt8] {
    patterns.flatMap { pattern in
      (0..<(dtype.byteCount ?? 4)).map { UInt8(truncatingIfNeeded: pattern >> UInt32(8 * $0)) }
    }
  }

  @Test(
    "equals the definition, and unpacks to the same", arguments: allKernels,
    [DType.f16, .bf16, .f32])
  func roundTrip(kernels: Kernels, dtype: DType) {
    for count in [1, 63, 64, 65, 1000, 4096, 9000] {
      let random = patterns(count, dtype, seed: 2)
      expectRoundTrip(kernels, dtype, tuned: patterns(count, dtype, seed: 1), base: random)
      expectRoundTrip(kernels, dtype, tuned: near(random, dtype), base: random)
      let few = small(count, dtype)
      expectRoundTrip(kernels, dtype, tuned: near(few, dtype), base: few)
    }
  }

  private func expectRoundTrip(
    _ kernels: Kernels, _ dtype: DType, tuned: [UInt32], base: [UInt32]
  ) {
    let count = base.count
    let width = dtype.byteCount ?? 4
    for density in [0, 1, 3, 64] as [UInt64] {
      var generator = BlockGenerator(state: density)
      var keep = [UInt64](repeating: 0, count: (count + 63) / 64)
      for index in 0..<count where generator.next() % 64 < density {
        keep[index / 64] |= 1 << UInt64(index % 64)
      }
      let kept = (0..<count).filter { keep[$0 / 64] >> UInt64($0 % 64) & 1 == 1 }
      let expected = kept.map { code(tuned[$0], base[$0], dtype) }
      var codes = [UInt32](repeating: 7, count: count)
      var classes = [UInt8](repeating: 7, count: count)
      let packed = kernels.pack(
        bytes(tuned, dtype), base: bytes(base, dtype), dtype, keep: keep, count: count,
        codes: &codes, classes: &classes)
      #expect(packed == kept.count)
      #expect(Array(codes.prefix(packed)) == expected.map(\.0))
      #expect(Array(classes.prefix(packed)) == expected.map(\.1))

      var counts = [UInt32](repeating: 9, count: 16)
      let planes = Block<UInt8>(repeating: 0x55, count: packed * width)
      kernels.split(
        codes, classes: classes, count: packed, width: width, classCounts: &counts,
        planes: planes.pointer)
      #expect(planes.isMarkUntouched)
      let sorted: [UInt32] = (0..<16).flatMap { group -> [UInt32] in
        expected.filter { $0.1 == UInt8(group) }.map(\.0)
      }
      let expectedPlanes: [UInt8] = (0..<width).flatMap { plane -> [UInt8] in
        sorted.map { UInt8(truncatingIfNeeded: $0 >> UInt32(8 * plane)) }
      }
      #expect(planes.values == expectedPlanes)

      var ends = counts
      for index in 1..<16 { ends[index] += ends[index - 1] }
      var positions = zip(ends, counts).map { $0 - $1 }
      let readable = planes.values + [UInt8](repeating: 0xff, count: Kernels.planeSlack)
      let out = Block<UInt8>(repeating: 0xaa, count: count * width)
      #expect(
        kernels.unpack(
          base: bytes(base, dtype), dtype, keep: keep, count: count, planes: readable,
          planeLength: packed, positions: &positions, ends: ends, into: out.pointer))
      var result = base
      for index in kept { result[index] = tuned[index] }
      #expect(out.values == bytes(result, dtype))
      #expect(out.isMarkUntouched && positions == ends)
    }
  }

  @Test("another base that asks for more codes of a class is found out", arguments: allKernels)
  func otherBase(kernels: Kernels) {
    let base = bytes([0x3f80, 0x3f80], .bf16)
    let other = bytes([0x3f80, 0x3b80], .bf16)
    var keep: UInt64 = 0b11
    var positions = [UInt32](repeating: 0, count: 16)
    let ends = [UInt32](repeating: 2, count: 1) + [UInt32](repeating: 0, count: 15)
    let planes = [UInt8](repeating: 0, count: 4 + Kernels.planeSlack)
    var out = [UInt8](repeating: 0, count: 4)
    #expect(
      kernels.unpack(
        base: base, .bf16, keep: &keep, count: 2, planes: planes, planeLength: 2,
        positions: &positions, ends: ends, into: &out))
    positions = [UInt32](repeating: 0, count: 16)
    #expect(
      !kernels.unpack(
        base: other, .bf16, keep: &keep, count: 2, planes: planes, planeLength: 2,
        positions: &positions, ends: ends, into: &out))
  }
}
