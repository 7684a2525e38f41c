import SluiceCore
import SluiceTestSupport

/// Numbers that are the same in every run (splitmix64).
struct BlockGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}

/// What a block of floats holds.
enum BlockContent: CaseIterable {
  case bellShaped
  case fewValues
  case zeros
  case equal
  case subnormal
  case signedZeros
  case anyFinite
  case overHalfRange
  case notFinite

  /// Contents that a delta can have.
  static let finite = allCases.filter { $0 != .notFinite }

  func values(_ count: Int, seed: UInt64 = 1) -> [Float] {
    var generator = BlockGenerator(state: seed)
    return (0..<count).map { _ in value(&generator) }
  }

  /// Tensor bytes at an address, with their widened values as the reference has them.
  func tensor(
    _ dtype: DType, count: Int, byteOffset: Int, seed: UInt64 = 1
  ) -> (bytes: Block<UInt8>, values: [Float]) {
    let bytes = ScalarKernels.encoded(values(count, seed: seed), dtype)
    let values = (0..<count).map { ScalarKernels.element(bytes, dtype, at: $0) }
    return (Block(bytes, after: 0xa5, byteOffset: byteOffset), values)
  }

  private func value(_ generator: inout BlockGenerator) -> Float {
    let bits = UInt32(truncatingIfNeeded: generator.next() >> 16)
    // The sum of four uniform numbers is close to a normal one.
    let four = generator.next()
    let sum = (four & 0xffff) + (four >> 16 & 0xffff) + (four >> 32 & 0xffff) + (four >> 48)
    let bell = Float(Int(sum) - 4 * 32768)
    switch self {
    case .bellShaped: return bell * 0x1p-24
    case .fewValues: return Float(Int(bits % 7) - 3) * 0x1p-10
    case .zeros: return 0
    case .equal: return bits & 1 == 0 ? 0.25 : -0.25
    case .subnormal: return Float(bitPattern: bits & 0x8000_3fff)
    case .signedZeros: return [0, -0.0, 1, -1][Int(bits % 4)]
    case .anyFinite: return finite(bits)
    case .overHalfRange: return bell * 0x1p1
    case .notFinite:
      return bits % 5 == 0 ? [Float.nan, .infinity, -.infinity][Int(bits % 3)] : bell
    }
  }

  private func finite(_ bits: UInt32) -> Float {
    let value = Float(bitPattern: bits)
    return value.isFinite ? value : 1
  }
}

/// Lengths around the steps of the kernels: a vector has 16 elements, a word 64.
let blockLengths = [0, 1, 2, 15, 16, 17, 63, 64, 65, 127, 1000, 4096]

/// Memory for a block with a marked place after it, which no kernel may touch.
final class Block<Element: BitwiseCopyable & Equatable> {
  let pointer: UnsafeMutablePointer<Element>
  let count: Int
  private let raw: UnsafeMutableRawPointer
  private let mark: Element

  /// Byte offsets other than 0 are for raw bytes only.
  init(repeating mark: Element, count: Int, byteOffset: Int = 0) {
    let stride = MemoryLayout<Element>.stride
    raw = .allocate(byteCount: (count + 1) * stride + byteOffset, alignment: 64)
    pointer = (raw + byteOffset).bindMemory(to: Element.self, capacity: count + 1)
    pointer.initialize(repeating: mark, count: count + 1)
    self.mark = mark
    self.count = count
  }

  convenience init(_ values: [Element], after mark: Element, byteOffset: Int = 0) {
    self.init(repeating: mark, count: values.count, byteOffset: byteOffset)
    for (index, value) in values.enumerated() { pointer[index] = value }
  }

  deinit { raw.deallocate() }

  /// Keeps the memory until here: a pointer to it does not.
  func keep() { withExtendedLifetime(self) {} }

  var values: [Element] { Array(UnsafeBufferPointer(start: pointer, count: count)) }
  var isMarkUntouched: Bool { pointer[count] == mark }
}

extension Block where Element == Float {
  convenience init(_ values: [Float]) { self.init(values, after: 12345) }
}

extension Collection where Element == Float {
  /// Bit patterns; every NaN counts as the same.
  var patterns: [UInt32] { map { $0.isNaN ? 0x7fc0_0000 : $0.bitPattern } }

  /// The largest bit pattern of a magnitude; every NaN counts as the same.
  var largestMagnitude: UInt32 {
    map { $0.isNaN ? 0x7fc0_0000 : ScalarKernels.magnitudeBits($0) }.max() ?? 0
  }
}

extension UInt32 {
  /// The bits of a magnitude; every NaN counts as the same.
  var anyNaN: UInt32 { self > 0x7f80_0000 ? 0x7fc0_0000 : self }
}
