import CXXHash
import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Kernels that hash") struct HashingTests {
  /// Every length of short bytes, and what lies around blocks of 1024 bytes and of 65536 elements.
  private static let lengths =
    Array(0...520) + [1023, 1024, 1025, 2047, 2048, 2049, 9000, 131_071, 131_072, 131_073]

  @Test("They are the library's at every level, with and without a seed, at any address")
  func library() {
    let bytes = (0..<131_100).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    bytes.withUnsafeBytes { bytes in
      for length in HashingTests.lengths {
        for (seed, start) in [(UInt64(0), 0), (1, 1), (0x9e37_79b9_7f4a_7c15, 17)] {
          let part = UnsafeRawBufferPointer(rebasing: bytes[start..<(start + length)])
          let expected = XXH3_128bits_withSeed(part.baseAddress, length, seed)
          for kernels in allKernels {
            let found = kernels.hash(part, seed: seed)
            #expect(
              found == (expected.high64, expected.low64),
              "\(kernels.level.name), \(length) bytes, seed \(seed)")
          }
        }
      }
    }
  }

  @Test("No bytes need no address")
  func nothing() {
    for kernels in allKernels {
      let found = kernels.hash(UnsafeRawBufferPointer(start: nil, count: 0), seed: 0)
      #expect(found == (0x99aa_06d3_0147_98d8, 0x6001_c324_468d_497f))
    }
  }
}
