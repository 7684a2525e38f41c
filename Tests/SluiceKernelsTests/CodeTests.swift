import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels on codes with scales") struct CodeTests {
  private static func number(_ code: PackedCode, _ bytes: [UInt8], _ position: Int) -> Float {
    if code == .e4m3 { return Reference.e4m3(bytes[position]) }
    let nibble = position % 2 == 0 ? bytes[position / 2] & 15 : bytes[position / 2] >> 4
    return code == .int4 ? Float(Int(nibble) - 8) : Reference.e2m1(nibble)
  }

  @Test("Every code stands for its number, at every level", arguments: PackedCode.allCases)
  func all(code: PackedCode) {
    let bytes = (0...255).map { UInt8($0) }
    let count = 256 * 8 / code.bitCount
    for kernels in allKernels {
      let out = Block<Float>(repeating: 12345, count: count)
      kernels.decode(
        bytes, code, first: 0, count: count, scales: [1], block: count, into: out.pointer)
      for (position, value) in out.values.enumerated() {
        let expected = Self.number(code, bytes, position)
        #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN))
      }
      #expect(out.isMarkUntouched)
    }
  }

  @Test(
    "Each number is times the scale of its block, wherever the codes begin",
    arguments: PackedCode.allCases, [1, 3, 16, 32, 128, 1000])
  func blocks(code: PackedCode, block: Int) {
    var generator = BlockGenerator(state: 9)
    // Without the two NaN of E4M3.
    let bytes = (0..<700).map { _ in UInt8(truncatingIfNeeded: generator.next()) & 0xF7 }
    for (first, count) in [(0, 500), (1, 499), (7, 33), (16, 16), (31, 1), (33, 260), (4, 0)] {
      let blocks = (first + max(count, 1) - 1) / block - first / block + 1
      let scales = (0..<blocks).map { _ in Float(generator.next() % 4096) / 4096 }
      let skipped = first * code.bitCount / 8
      for kernels in allKernels {
        let out = Block<Float>(repeating: 12345, count: count)
        bytes.withUnsafeBytes { raw in
          guard let start = raw.baseAddress else { return }
          kernels.decode(
            start + skipped, code, first: first, count: count, scales: scales,
            block: block, into: out.pointer)
        }
        let expected = (0..<count).map { index in
          Self.number(code, bytes, first + index)
            * scales[(first + index) / block - first / block]
        }
        #expect(out.values.patterns == expected.patterns, "\(kernels.level.name) \(first) \(count)")
        #expect(out.isMarkUntouched)
      }
    }
  }
}
