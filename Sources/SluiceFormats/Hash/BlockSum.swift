package import SluiceCore

/// The integrity hash of a tensor, which can be computed from its parts in any order.
///
/// Definition, for someone who writes a verifier: cut the tensor's bytes, as they are in the file,
/// into blocks of 65536 elements (so 131072 bytes for BF16), the last one shorter. Hash block
/// number i, counted from 0, with XXH3-128 and the seed i. Add the upper and the lower 64-bit
/// halves of all hashes separately, modulo 2^64. The text is `xxh3-128-sum:` and 32 lower-case
/// hexadecimal digits, the upper half first. A tensor without elements has the sum 0.
///
/// Since the block's number is its seed, blocks that change places change the sum; since addition
/// has no order, threads may share a tensor and a stopped run may go on with what it had.
package struct BlockSum: Sendable, Hashable {
  /// The number of elements in a block.
  package static let blockElementCount = 1 << 16
  /// What the text starts with.
  package static let textPrefix = "xxh3-128-sum:"

  /// The sums of the halves so far.
  package private(set) var value = Hash128(high: 0, low: 0)

  /// Starts with no block.
  package init() {}

  /// Takes up a sum that was kept.
  package init(value: Hash128) { self.value = value }

  /// Reads a sum from its text.
  package init?(text: String) {
    guard text.hasPrefix(BlockSum.textPrefix),
      let value = Hash128(hexadecimal: String(text.dropFirst(BlockSum.textPrefix.count)))
    else { return nil }
    self.value = value
  }

  /// The sum as it stands in reports.
  package var text: String { BlockSum.textPrefix + value.hexadecimal }

  /// The length of a whole block.
  ///
  /// - Parameter dtype: The element type.
  /// - Returns: The number of bytes, a multiple of 8192.
  package static func blockByteCount(of dtype: DType) -> Int {
    blockElementCount * dtype.bitCount / 8
  }

  /// Adds the blocks of a run of elements.
  ///
  /// - Parameters:
  ///   - bytes: Whole blocks, except that the tensor's last one may be shorter.
  ///   - firstElement: The position of the run's first element in the tensor, a multiple of 65536.
  ///   - dtype: The element type.
  package mutating func add(_ bytes: UnsafeRawBufferPointer, firstElement: Int, dtype: DType) {
    precondition(firstElement % BlockSum.blockElementCount == 0, "a run inside of a block")
    let blockByteCount = BlockSum.blockByteCount(of: dtype)
    var block = UInt64(firstElement / BlockSum.blockElementCount)
    var start = 0
    while start < bytes.count {
      let end = min(start + blockByteCount, bytes.count)
      // Safety: the slice is part of the caller's buffer.
      add(unsafe Hash128(of: UnsafeRawBufferPointer(rebasing: bytes[start..<end]), seed: block))
      start = end
      block += 1
    }
  }

  /// Adds the blocks that another sum counted.
  package mutating func add(_ other: BlockSum) { add(other.value) }

  /// The sum of a tensor that was hashed in parts of equal length, each as a tensor of its own.
  ///
  /// Definition: XXH3-128 with seed 0 over the 16 bytes of each part's sum, most significant first,
  /// in the order of the parts.
  ///
  /// - Parameter parts: The sums of the parts; a single one is the tensor's own.
  package init(parts: [BlockSum]) {
    guard parts.count != 1 else {
      self = parts[0]
      return
    }
    let content = parts.flatMap(\.value.bytes)
    // Safety: the bytes are used inside the closure only.
    value = unsafe content.withUnsafeBytes { unsafe Hash128(of: $0) }
  }

  private mutating func add(_ hash: Hash128) {
    value = Hash128(high: value.high &+ hash.high, low: value.low &+ hash.low)
  }
}

/// The integrity hash of a whole file, from its header and the sums of its tensors.
///
/// Definition: XXH3-128 with seed 0 over the bytes of the file up to where its first tensor starts
/// (prefix, JSON and padding), followed by the 16 bytes of each tensor's block sum, most significant
/// first, in the order of the tensors' bytes in the file. The text is `xxh3-128-shard:` and 32
/// lower-case hexadecimal digits, the upper half first.
package enum ShardHash {
  /// What the text starts with.
  package static let textPrefix = "xxh3-128-shard:"

  /// Combines header and sums.
  ///
  /// - Parameters:
  ///   - header: The first bytes of the file.
  ///   - sums: One sum for each tensor, in the order of the tensors' bytes.
  /// - Returns: The text of the hash.
  package static func text(header: [UInt8], sums: [BlockSum]) -> String {
    let byteCount = header.count + 16 * sums.count
    let content = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { room, made in
      unsafe _ = room.initialize(from: header)
      var offset = header.count
      for sum in sums {
        unsafe sum.value.store(UnsafeMutableRawBufferPointer(room), at: offset)
        offset += 16
      }
      made = byteCount
    }
    return textPrefix + Hash128(of: content).hexadecimal
  }
}
