import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels that draw") struct DrawTests {
  @Test("Draws have the golden values")
  func golden() {
    // What mix(0 + G) xor fnv1a64(name) is, by the definition.
    let start =
      Reference.mix(0x9e37_79b9_7f4a_7c15)
      ^ Reference.fnv1a64("model.layers.0.mlp.up_proj.weight".utf8)
    for kernels in allKernels {
      var draws = [UInt32](repeating: 0, count: 4)
      kernels.draw(into: &draws, count: 4, start: start, first: 0)
      #expect(draws == [4_785_495, 8_637_732, 6_964_840, 9_124_649], "\(kernels.level.name)")
    }
  }

  @Test(
    "Draws equal the scalar reference, from any element on",
    arguments: [0, 1, 15, 16, 17, 63, 64, 300])
  func draws(count: Int) {
    for (seed, first) in [(0, 0), (7, 1), (7, 12345), (99, 1 << 33)] {
      let start =
        Reference.mix(UInt64(seed) &+ 0x9e37_79b9_7f4a_7c15 &* 3) ^ Reference.fnv1a64("a".utf8)
      let expected = (0..<count).map {
        Reference.dareDraw(seed: UInt64(seed), model: 2, tensor: "a", index: first + $0)
      }
      for kernels in allKernels {
        var draws = [UInt32](repeating: 77, count: count + 1)
        kernels.draw(into: &draws, count: count, start: start, first: first)
        #expect(Array(draws.prefix(count)) == expected && draws[count] == 77)
      }
    }
  }

  @Test(
    "Masks of different rates are nested, and bits past the end are off",
    arguments: [(1, 0), (64, 3), (65, 0), (257, 12_345), (1024, 0), (1600, 1 << 33)])
  func nested(count: Int, first: Int) {
    for kernels in allKernels {
      var draws = [UInt32](repeating: 0, count: count)
      kernels.draw(into: &draws, count: count, start: 5, first: first)
      var before = [UInt64](repeating: 0, count: (count + 63) / 64)
      for rate in [1.0, 0.95, 0.9, 0.8, 0.3, 0] {
        let limit = UInt32((rate * 0x1p24).rounded())
        var keep = [UInt64](repeating: .max, count: before.count)
        kernels.keepDrawn(count: count, start: 5, first: first, atLeast: limit, keep: &keep)
        #expect(keep == ScalarKernels.keepWords(draws.map { $0 >= limit }))
        #expect(zip(before, keep).allSatisfy { $0 & ~$1 == 0 })
        before = keep
      }
      #expect(before.reduce(0) { $0 + $1.nonzeroBitCount } == count)
    }
  }

  @Test(
    "Several limits at once select what each selects by itself", arguments: [1, 63, 64, 300, 1024])
  func several(count: Int) {
    let limits = [0.97, 0.9, 0.2].map { UInt32(($0 * 0x1p24).rounded()) }
    let wordCount = (count + 63) / 64
    for kernels in allKernels {
      let together = AlignedBuffer<UInt64>(count: limits.count * wordCount, fill: .max)
      var rows = limits.indices.map { together.pointer + $0 * wordCount }
      kernels.keepDrawn(count: count, start: 9, first: 70, atLeast: limits, keep: &rows)
      for (row, limit) in limits.enumerated() {
        var alone = [UInt64](repeating: .max, count: wordCount)
        kernels.keepDrawn(count: count, start: 9, first: 70, atLeast: limit, keep: &alone)
        #expect(Array(UnsafeBufferPointer(start: rows[row], count: wordCount)) == alone)
      }
    }
  }
}
