import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Rice codes") struct RiceTests {
  /// What numbers to be coded look like.
  enum Numbers: CaseIterable {
    /// As codes of a light fine-tune: none of the smallest, then fewer and fewer.
    case falling
    /// Some of them much larger than the others.
    case withOutliers
    /// Near zero from both sides, modulo the width.
    case aroundZero
    /// Any.
    case random
    /// All the same.
    case equal

    func values(_ count: Int, isPair: Bool) -> [UInt16] {
      var generator = BlockGenerator(state: 11)
      let mask: UInt16 = isPair ? 0xffff : 0xff
      return (0..<count).map { _ in
        let draw = generator.next()
        let small = UInt16((draw | draw >> 32).trailingZeroBitCount)
        let lower = UInt16(draw >> 40 & 7)
        let value: UInt16 =
          switch self {
          case .falling: 5 + 8 * small + lower
          case .withOutliers: draw % 32 == 0 ? UInt16(draw >> 20 & 0xffff) : 9 * small
          case .aroundZero: draw % 2 == 0 ? small : 0 &- small
          case .random: UInt16(draw >> 24 & 0xffff)
          case .equal: 77
          }
        return value & mask
      }
    }
  }

  private static func planes(_ values: [UInt16]) -> (low: [UInt8], high: [UInt8]) {
    (values.map { UInt8($0 & 0xff) }, values.map { UInt8($0 >> 8) })
  }

  /// Codes that differ in all that they say.
  private static func codes(isPair: Bool) -> [RiceCode] {
    (0..<8).flatMap { shift in
      [0, 7, isPair ? 40_000 : 250].flatMap { offset in
        [false, true].map {
          RiceCode(shift: shift, isPair: isPair, isFolded: $0, offset: offset)
        }
      }
    }
  }

  @Test(
    "equal the definition, and read back", arguments: allKernels, Numbers.allCases)
  func roundTrip(kernels: Kernels, numbers: Numbers) {
    for isPair in [false, true] {
      for count in [1, 7, 63, 64, 65, 129, 640, 1003] {
        let values = numbers.values(count, isPair: isPair)
        for code in Self.codes(isPair: isPair) {
          let expected = ScalarKernels.rice(values, code)
          #expect(Self.encode(values, code, kernels, room: expected.count) == expected)
          // One byte less is too little, wherever it ends.
          #expect(Self.encode(values, code, kernels, room: expected.count - 1) == nil)
          #expect(Self.decode(expected, count: count, isPair: isPair, kernels) == values)
        }
      }
    }
  }

  private static func encode(
    _ values: [UInt16], _ code: RiceCode, _ kernels: Kernels, room: Int
  ) -> [UInt8]? {
    let (low, high) = planes(values)
    var quotients = [UInt8](repeating: 3, count: values.count + Kernels.riceSlack)
    let out = Block<UInt8>(repeating: 0x55, count: room + Kernels.riceSlack)
    let length = high.withUnsafeBufferPointer { high in
      kernels.encodeRice(
        low: low, high: code.isPair ? high.baseAddress : nil, count: values.count, code,
        quotients: &quotients, into: out.pointer, room: room)
    }
    #expect(out.isMarkUntouched)
    return length == 0 ? nil : Array(out.values.prefix(length))
  }

  private static func decode(
    _ bytes: [UInt8], count: Int, isPair: Bool, _ kernels: Kernels
  ) -> [UInt16]? {
    let readable = bytes + [UInt8](repeating: 0xff, count: Kernels.riceSlack)
    var quotients = [UInt8](repeating: 3, count: 2 * (count + Kernels.riceSlack))
    let (low, high) = (
      Block<UInt8>(repeating: 0, count: count), Block<UInt8>(repeating: 0, count: count)
    )
    let isRead = kernels.decodeRice(
      readable, length: bytes.count, count: count, quotients: &quotients, low: low.pointer,
      high: isPair ? high.pointer : nil)
    #expect(low.isMarkUntouched && high.isMarkUntouched)
    return isRead ? zip(low.values, high.values).map { UInt16($0) | UInt16($1) << 8 } : nil
  }

  @Test("the choice equals the definition", arguments: allKernels, Numbers.allCases)
  func choice(kernels: Kernels, numbers: Numbers) {
    for isPair in [false, true] {
      for count in [1, 64, 99, 100, 255, 256, 511, 512, 5000] {
        let values = numbers.values(count, isPair: isPair)
        let (low, high) = Self.planes(values)
        let code = high.withUnsafeBufferPointer { high in
          kernels.riceCode(low: low, high: isPair ? high.baseAddress : nil, count: count)
        }
        #expect(code == ScalarKernels.riceCode(values, isPair: isPair))
      }
    }
  }

  @Test("codes that say what cannot be are refused, and none is read beyond its end")
  func contradictions() {
    let values = Numbers.withOutliers.values(300, isPair: false)
    let code = RiceCode(shift: 2, isPair: false, isFolded: false, offset: 3)
    let bytes = ScalarKernels.rice(values, code)
    for kernels in allKernels {
      for count in 0..<bytes.count {
        #expect(Self.decode(Array(bytes.prefix(count)), count: 300, isPair: false, kernels) == nil)
      }
      #expect(Self.decode(bytes + [0], count: 300, isPair: false, kernels) == nil)
      for index in bytes.indices {
        for flip in [0x01, 0x10, 0x80] as [UInt8] {
          var changed = bytes
          changed[index] ^= flip
          let read = Self.decode(changed, count: 300, isPair: false, kernels)
          #expect(read?.count ?? 300 == 300)
          #expect(index != 1 && index != 3 || read == nil)
        }
      }
    }
  }
}
