import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Rounding to and from 16-bit types") struct RoundingTests {
  private let everyPattern = (0...UInt16.max).map(\.self)

  private func widened(_ kernels: Kernels, _ dtype: DType) -> [Float] {
    let out = Block<Float>(repeating: 0, count: everyPattern.count)
    _ = kernels.widen(everyPattern, dtype, into: out.pointer, count: everyPattern.count)
    return out.values
  }

  private func narrowed(_ kernels: Kernels, _ values: [Float], _ dtype: DType) -> [UInt16] {
    // Adding -0 changes nothing, not even the sign of a zero.
    let merged = [Float](repeating: -0.0, count: values.count)
    let out = Block<UInt16>(repeating: 0, count: values.count)
    _ = kernels.finish(
      base: values, merged: merged, mergeScale: 1, into: out.pointer, dtype, count: values.count)
    return out.values
  }

  @Test("Every BF16 pattern is the upper half of its Float32", arguments: allKernels)
  func widenBrain(kernels: Kernels) {
    let expected = everyPattern.map { UInt32($0) << 16 }
    #expect(widened(kernels, .bf16).map(\.bitPattern) == expected)
  }

  @Test("Every F16 pattern has its value", arguments: allKernels)
  func widenHalf(kernels: Kernels) {
    let expected = everyPattern.map(ScalarKernels.half)
    #expect(widened(kernels, .f16).patterns == expected.patterns)
  }

  @Test("NaNs of F16 become quiet and keep their payload", arguments: allKernels)
  func widenHalfNaN(kernels: Kernels) {
    let wide = widened(kernels, .f16)
    for pattern in everyPattern where pattern & 0x7fff > 0x7c00 {
      let expected = UInt32(pattern & 0x8000) << 16 | 0x7fc0_0000 | UInt32(pattern & 0x3ff) << 13
      #expect(wide[Int(pattern)].bitPattern == expected)
    }
  }

  @Test(
    "Widening and rounding again gives the same pattern", arguments: allKernels,
    [DType.f16, .bf16])
  func roundTrip(kernels: Kernels, dtype: DType) {
    let again = narrowed(kernels, widened(kernels, dtype), dtype)
    let infinity: UInt16 = dtype == .f16 ? 0x7c00 : 0x7f80
    let quietBit: UInt16 = dtype == .f16 ? 0x0200 : 0x0040
    let expected = everyPattern.map { $0 & 0x7fff > infinity ? $0 | quietBit : $0 }
    #expect(again == expected)
  }

  @Test(
    "Midpoints round to even, and their neighbours to the nearer side", arguments: allKernels,
    [DType.f16, .bf16])
  func midpoints(kernels: Kernels, dtype: DType) {
    let infinity: UInt16 = dtype == .f16 ? 0x7c00 : 0x7f80
    // From 0 to the largest finite value: each with the one above it, the last with overflow.
    let magnitudes = (0..<infinity).map(\.self)
    let middles = magnitudes.map { pattern in middle(after: pattern, dtype) }
    for sign in [UInt16(0), 0x8000] {
      let signed = middles.map { sign == 0 ? $0 : -$0 }
      let even = magnitudes.map { sign | ($0 & 1 == 0 ? $0 : $0 + 1) }
      #expect(narrowed(kernels, signed, dtype) == even)
      let inner = signed.map { sign == 0 ? $0.nextDown : $0.nextUp }
      #expect(narrowed(kernels, inner, dtype) == magnitudes.map { sign | $0 })
      let outer = signed.map { sign == 0 ? $0.nextUp : $0.nextDown }
      #expect(narrowed(kernels, outer, dtype) == magnitudes.map { sign | ($0 + 1) })
    }
  }

  /// The Float32 in the middle between a magnitude and the next one of the type.
  private func middle(after pattern: UInt16, _ dtype: DType) -> Float {
    if dtype == .bf16 { return Float(bitPattern: UInt32(pattern) << 16 | 0x8000) }
    let low = ScalarKernels.half(pattern)
    // Above the largest finite value, the next one would be 2^16.
    let high = pattern == 0x7bff ? 65536 : ScalarKernels.half(pattern + 1)
    return (low + high) / 2
  }

  @Test("A value that overflows F16 is reported as infinite", arguments: allKernels)
  func overflow(kernels: Kernels) {
    let out = Block<UInt16>(repeating: 0, count: 1)
    for (value, expected) in [
      (Float(65504), Float(65504)), (65519.996, 65504), (65520, .infinity), (1e30, .infinity),
    ] {
      let top = kernels.finish(
        base: [value], merged: [0], mergeScale: 1, into: out.pointer, .f16, count: 1)
      #expect(Float(bitPattern: top) == expected)
    }
  }

  @Test(
    "A fine-tuned 16-bit model comes back from its delta bit for bit", arguments: allKernels,
    [DType.f16, .bf16])
  func restored(kernels: Kernels, dtype: DType) {
    let count = 4096
    let baseValues = BlockContent.bellShaped.values(count, seed: 8)
    let drift = BlockContent.bellShaped.values(count, seed: 9).map { $0 / 64 }
    let tuned = ScalarKernels.encoded(zip(baseValues, drift).map { $0 + $1 }, dtype)
    let base = Block<Float>(repeating: 0, count: count)
    let delta = Block<Float>(repeating: 0, count: count)
    let out = Block<UInt8>(repeating: 0, count: tuned.count)
    _ = kernels.widen(
      ScalarKernels.encoded(baseValues, dtype), dtype, into: base.pointer, count: count)
    _ = kernels.delta(tuned, dtype, base: base.pointer, into: delta.pointer, count: count)
    _ = kernels.finish(
      base: base.pointer, merged: delta.pointer, mergeScale: 1, into: out.pointer, dtype,
      count: count)
    #expect(out.values == tuned)
    base.keep()
    delta.keep()
  }
}
