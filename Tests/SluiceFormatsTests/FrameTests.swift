import SluiceCore
@testable import SluiceFormats
import SluiceKernels
import Testing

@Suite("Frames of kept elements") struct FrameTests {
  private static let codecs: [FrameCodec] = [
    .none, .rice, .lz4, .zstd(), .zstd(level: 1), .zstd(level: 19),
  ]

  /// What a frame is made from, with memory of its own.
  private struct Sample {
    var dtype: DType
    var elementCount: Int
    var keep: [UInt64]?
    var classCounts: [UInt32]
    var planes: [UInt8]
    var keptCount: Int { classCounts.reduce(0) { $0 + Int($1) } }

    init(
      _ dtype: DType, _ elementCount: Int, seed: UInt64, all: Bool = false, keptOf60: UInt64 = 15
    ) {
      var generator = SystemLike(state: seed)
      self.dtype = dtype
      self.elementCount = elementCount
      var words = [UInt64](repeating: 0, count: (elementCount + 63) / 64)
      var kept = 0
      for index in 0..<elementCount where all || generator.next() % 60 < keptOf60 {
        words[index / 64] |= 1 << UInt64(index % 64)
        kept += 1
      }
      keep = all ? nil : words
      classCounts = [UInt32](repeating: 0, count: 16)
      for _ in 0..<kept { classCounts[Int(generator.next() % 11) + 3] += 1 }
      let width = dtype == .f32 ? 4 : 2
      planes = (0..<width).flatMap { plane in
        (0..<kept).map { _ in plane == 1 ? 0 : UInt8(generator.next() % 40) }
      }
    }

    func encode(_ codec: FrameCodec, seed: UInt64) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: Frame.byteLimit(dtype))
      // One more, so that there is an address to give.
      let (planes, words) = (planes + [0], keep ?? [0])
      let count = bytes.withUnsafeMutableBytes { target in
        planes.withUnsafeBufferPointer { planes in
          classCounts.withUnsafeBufferPointer { counts in
            words.withUnsafeBufferPointer { words -> Int in
              guard let planes = planes.baseAddress, let counts = counts.baseAddress else {
                return 0
              }
              return FrameEncoder(codec, kernels: .best).encode(
                FrameContent(
                  dtype: dtype, elementCount: elementCount, keptCount: keptCount,
                  baseSum: Hash128(high: 3, low: 4), keep: keep == nil ? nil : words.baseAddress,
                  classCounts: counts, planes: planes), seed: seed, into: target)
            }
          }
        }
      }
      return Array(bytes[..<count])
    }
  }

  private struct SystemLike: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state >> 33
    }
  }

  private static let place = FramePlace(file: "store", byteRange: 10..<20, tensor: "q")

  private func decode(_ bytes: [UInt8], seed: UInt64, with decoder: FrameDecoder) throws {
    // A copy without a byte to spare, so that reading beyond the end is found by the sanitizer.
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: bytes)
    try decoder.decode(UnsafeRawBufferPointer(copy), seed: seed, place: Self.place)
  }

  @Test("read back what was written", arguments: codecs, [DType.f16, .bf16, .f32])
  func roundTrip(codec: FrameCodec, dtype: DType) throws {
    let decoder = FrameDecoder(kernels: .best)
    for (count, all) in [(1, false), (64, true), (1000, false), (5000, true)] {
      let sample = Sample(dtype, count, seed: UInt64(count), all: all)
      let bytes = sample.encode(codec, seed: 9)
      try decode(bytes, seed: 9, with: decoder)
      #expect(decoder.dtype == dtype && decoder.elementCount == count)
      #expect(decoder.keptCount == sample.keptCount)
      #expect(decoder.baseSum == Hash128(high: 3, low: 4))
      let planes = (0..<sample.planes.count).map { decoder.planes[$0] }
      #expect(planes == sample.planes)
      for index in 0..<count {
        let expected = sample.keep.map { $0[index / 64] >> UInt64(index % 64) & 1 } ?? 1
        #expect(decoder.keep[index / 64] >> UInt64(index % 64) & 1 == expected)
      }
      var end: UInt32 = 0
      for index in 0..<16 {
        #expect(decoder.positions[index] == end)
        end += sample.classCounts[index]
        #expect(decoder.ends[index] == end)
      }
    }
  }

  @Test(
    "bits of which a third to two thirds are set are not coded",
    arguments: zip([6, 18, 22, 38, 42, 54] as [UInt64], [true, true, false, false, true, true]))
  func keepBits(keptOf60: UInt64, isCoded: Bool) throws {
    let sample = Sample(.bf16, 1 << 15, seed: 4, keptOf60: keptOf60)
    let bytes = sample.encode(.zstd(), seed: 1)
    let word = bytes[Frame.sectionOffset..<Frame.sectionOffset + 4].reversed()
      .reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    #expect((word >> Frame.lengthBits != 0) == isCoded)
    let length = Int(word & (1 << Frame.lengthBits - 1))
    #expect(isCoded ? length < 1 << 12 : length == 1 << 12)
    try decode(bytes, seed: 1, with: FrameDecoder(kernels: .best))
  }

  @Test("the largest frame fits its limit, whatever it holds", arguments: codecs)
  func largest(codec: FrameCodec) throws {
    var sample = Sample(.f32, Frame.elementLimit, seed: 1, all: true)
    var generator = SystemLike(state: 2)
    for index in sample.planes.indices { sample.planes[index] = UInt8(generator.next() & 255) }
    let bytes = sample.encode(codec, seed: 0)
    #expect(bytes.count <= Frame.byteLimit(.f32))
    try decode(bytes, seed: 0, with: FrameDecoder(kernels: .best))
  }

  @Test(
    "cut off anywhere or with any byte changed, are refused with their place", arguments: codecs)
  func damage(codec: FrameCodec) throws {
    let decoder = FrameDecoder(kernels: .best)
    let bytes = Sample(.bf16, 700, seed: 3).encode(codec, seed: 5)
    for count in 0..<bytes.count {
      #expect(throws: FormatError.self) {
        try decode(Array(bytes.prefix(count)), seed: 5, with: decoder)
      }
    }
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0x10
      do {
        try decode(changed, seed: 5, with: decoder)
        Issue.record("byte \(index) does not matter")
      } catch let error as FormatError {
        #expect(error.failure.exitCode == .badInput)
        #expect(error.failure.subject.byteRange == 10..<20)
        #expect(error.failure.subject.tensor == "q" && error.failure.subject.file == "store")
      }
    }
  }

  @Test("of another place are not taken for this one") func foreign() throws {
    let bytes = Sample(.bf16, 700, seed: 3).encode(
      .lz4, seed: Frame.seed(owner: "a", firstElement: 0))
    let decoder = FrameDecoder(kernels: .best)
    try decode(bytes, seed: Frame.seed(owner: "a", firstElement: 0), with: decoder)
    for seed in [Frame.seed(owner: "b", firstElement: 0), Frame.seed(owner: "a", firstElement: 64)]
    {
      #expect(throws: FormatError.self) { try decode(bytes, seed: seed, with: decoder) }
    }
  }

  @Test("made up with a right hash, contradict themselves without harm")
  func forged() {
    let decoder = FrameDecoder(kernels: .best)
    let bytes = Sample(.bf16, 700, seed: 3).encode(.zstd(level: 1), seed: 5)
    var refused = 0
    for index in 24..<bytes.count {
      for flip in [0x01, 0x80, 0xff] as [UInt8] {
        var forged = bytes
        forged[index] ^= flip
        let hash = Hash128(of: Array(forged[24...]), seed: 5)
        forged.replaceSubrange(8..<24, with: hash.bytes)
        do {
          try decode(forged, seed: 5, with: decoder)
          // What is taken must still agree with itself.
          #expect(decoder.keptCount <= decoder.elementCount)
          #expect(Int(decoder.ends[15]) == decoder.keptCount)
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > 300)
  }

  @Test("tables read back, and nothing else does") func tables() {
    let table = FrameTable(
      minimumMagnitudeBits: 77,
      frames: [.init(offset: 5, byteCount: 6), .init(offset: 1 << 40, byteCount: 0)])
    #expect(FrameTable(encoded: table.encoded) == table)
    #expect(table.byteCount == 6)
    for count in 0..<table.encoded.count {
      #expect(FrameTable(encoded: Array(table.encoded.prefix(count))) == nil)
    }
    var far = table.encoded
    far[8 + 7] = 0x7f
    for index in 8..<15 { far[index] = 0xff }
    #expect(FrameTable(encoded: far) == nil)
  }
}
