package import SluiceKernels

extension ScalarKernels {
  /// The most levels of a Rice code's unary part.
  private static let riceLevels = 8

  /// Writes numbers in a Rice code, one by one.
  ///
  /// - Parameters:
  ///   - numbers: The numbers, below 256 unless the code is one of pairs.
  ///   - code: The code.
  /// - Returns: The bytes (docs/reference/frames.md).
  package static func rice(_ numbers: [UInt16], _ code: RiceCode) -> [UInt8] {
    let coded = numbers.map { riceNumber($0, code) }
    var lower: [Bool] = []
    for number in coded { lower += (0..<code.shift).map { number >> UInt16($0) & 1 == 1 } }
    var quotients = coded.map { min(Int($0) >> code.shift, riceLevels) }
    let whole = zip(coded, quotients).filter { $0.1 == riceLevels }.map(\.0)
    var bytes = [UInt8(code.shift) | (code.isFolded ? 8 : 0), 0]
    bytes += [UInt8(code.offset & 0xff), UInt8(code.offset >> 8)]
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: whole.count >> (8 * $0)) }
    bytes += riceBytes(lower)
    for number in whole {
      bytes.append(UInt8(truncatingIfNeeded: number))
      if code.isPair { bytes.append(UInt8(number >> 8)) }
    }
    for _ in 0..<riceLevels {
      bytes += riceBytes(quotients.map { $0 > 0 })
      quotients = quotients.filter { $0 > 0 }.map { $0 - 1 }
    }
    return bytes
  }

  /// The code that is shortest for a sample: an eighth of the numbers, 64 to 256, in equal steps.
  ///
  /// - Parameters:
  ///   - numbers: The numbers.
  ///   - isPair: Whether they are of two bytes.
  /// - Returns: A code of the numbers, or of their upper bytes alone.
  package static func riceCode(_ numbers: [UInt16], isPair: Bool) -> RiceCode {
    let sampled = min(numbers.count, 256, max(64, numbers.count / 8))
    let sample = (0..<sampled).map { numbers[$0 * (numbers.count / sampled)] }
    guard isPair else { return bestRice(sample, isPair: false, isFolded: false).code }
    let upper = sample.map { $0 >> 8 }
    var best = bestRice(sample, isPair: true, isFolded: false)
    for isFolded in [false, true] {
      let other = bestRice(upper, isPair: false, isFolded: isFolded)
      if other.bits + 8 * sampled < best.bits { best = (other.code, other.bits + 8 * sampled) }
    }
    return best.code
  }

  private static func bestRice(
    _ sample: [UInt16], isPair: Bool, isFolded: Bool
  ) -> (code: RiceCode, bits: Int) {
    let folding = RiceCode(shift: 0, isPair: isPair, isFolded: isFolded, offset: 0)
    let folded = sample.map { riceNumber($0, folding) }
    // The second of the least ones of four parts.
    let part = folded.count / 4
    let least = (0..<4).compactMap { folded[$0 * part..<($0 + 1) * part].min() }.sorted()
    let offset = least.count == 4 ? least[1] : folded[0]
    var best: (code: RiceCode, bits: Int)?
    for shift in 0..<8 {
      let code = RiceCode(shift: shift, isPair: isPair, isFolded: isFolded, offset: offset)
      let bits = sample.reduce(0) { sum, number in
        let quotient = Int(riceNumber(number, code)) >> shift
        return sum + shift
          + (quotient < riceLevels ? quotient + 1 : riceLevels + (isPair ? 16 : 8))
      }
      // The sums fall, and then rise.
      if let best, bits >= best.bits { break }
      best = (code, bits)
    }
    return best ?? (folding, 0)
  }

  /// A number as it is coded: folded, and from the offset on.
  private static func riceNumber(_ value: UInt16, _ code: RiceCode) -> UInt16 {
    let modulus = code.isPair ? 1 << 16 : 1 << 8
    var number = Int(value)
    if code.isFolded { number = number < modulus / 2 ? 2 * number : 2 * (modulus - number) - 1 }
    return UInt16((number - Int(code.offset) + modulus) % modulus)
  }

  private static func riceBytes(_ bits: [Bool]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (bits.count + 7) / 8)
    for (index, bit) in bits.enumerated() where bit { bytes[index / 8] |= 1 << UInt8(index % 8) }
    return bytes
  }
}
