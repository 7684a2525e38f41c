extension Reference {
  /// Reverses the 32 bits of a number: the tie key of `spread`.
  ///
  /// - Parameter value: The number of equal magnitudes before an element.
  /// - Returns: The number whose bit 31 - i is bit i of the argument.
  package static func bitrev32(_ value: UInt32) -> UInt32 {
    var result: UInt32 = 0
    for bit in 0..<32 where value >> UInt32(bit) & 1 == 1 {
      result |= 1 << UInt32(31 - bit)
    }
    return result
  }

  /// Hashes bytes with 64-bit FNV-1a.
  ///
  /// - Parameter bytes: The bytes, for instance the UTF-8 of a tensor's name.
  /// - Returns: The hash.
  package static func fnv1a64(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes {
      hash ^= UInt64(byte)
      hash = hash &* 0x100_0000_01b3
    }
    return hash
  }

  /// The finaliser of splitmix64.
  package static func mix(_ value: UInt64) -> UInt64 {
    var mixed = value
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// The 24-bit draw that decides in DARE whether one element is dropped.
  ///
  /// - Parameters:
  ///   - seed: The seed of the merge.
  ///   - model: The ordinal of the fine-tuned model, from 0.
  ///   - tensor: The name of the tensor.
  ///   - index: The element's flat index in the tensor.
  /// - Returns: A number below 2^24.
  package static func dareDraw(seed: UInt64, model: Int, tensor: String, index: Int) -> UInt32 {
    let golden: UInt64 = 0x9e37_79b9_7f4a_7c15
    let start = mix(seed &+ golden &* UInt64(model + 1)) ^ fnv1a64(tensor.utf8)
    return UInt32(mix(start &+ golden &* UInt64(index + 1)) >> 40)
  }
}
