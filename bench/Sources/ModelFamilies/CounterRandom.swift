/// Random words by number: word i is a function of the key and i alone, so that any thread can make
/// any part of a tensor and the bytes never depend on who made them.
struct CounterRandom {
  private let key: UInt64

  /// Makes the words of a stream.
  /// - Parameters:
  ///   - seed: the seed of the family.
  ///   - stream: the name of the stream, such as a tensor's with its purpose.
  init(seed: UInt64, stream: String) {
    // FNV-1a over the name: cheap, and different names need only be different.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    key = CounterRandom.mix(seed &+ CounterRandom.mix(hash))
  }

  /// The word with a number.
  @inline(__always)
  func word(_ number: UInt64) -> UInt64 {
    CounterRandom.mix(key &+ (number &+ 1) &* 0x9e37_79b9_7f4a_7c15)
  }

  /// A fraction in 0 ..< 1 made from the word with a number.
  func fraction(_ number: UInt64) -> Double { Double(word(number) >> 11) * 0x1p-53 }

  /// The SplitMix64 finaliser: a bijection of 64-bit words that spreads every bit.
  @inline(__always)
  private static func mix(_ word: UInt64) -> UInt64 {
    var z = word
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
