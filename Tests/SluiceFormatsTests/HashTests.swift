import SluiceCore
import SluiceFormats
import Testing

@Suite struct HashTests {
  @Test("the hash is XXH3-128, upper half first")
  func knownValues() throws {
    let empty = Hash128(of: UnsafeRawBufferPointer(start: nil, count: 0))
    #expect(empty.hexadecimal == "99aa06d3014798d86001c324468d497f")
    let text = Array("abc".utf8).withUnsafeBytes { Hash128(of: $0) }
    #expect(text.hexadecimal == "06b05ab6733a618578af5f94892f3950")
    #expect(text.bytes.first == 0x06 && text.bytes.last == 0x50)
    #expect(Hash128(hexadecimal: text.hexadecimal) == text)
    #expect(Hash128(hexadecimal: "06B05AB6733A618578AF5F94892F3950") == nil)
    #expect(Hash128(hexadecimal: "06") == nil)
  }

  /// The definition, block by block.
  private func reference(_ bytes: [UInt8], blockByteCount: Int) -> Hash128 {
    var (high, low): (UInt64, UInt64) = (0, 0)
    for block in 0..<(bytes.count + blockByteCount - 1) / blockByteCount {
      let end = min((block + 1) * blockByteCount, bytes.count)
      let hash = Array(bytes[block * blockByteCount..<end]).withUnsafeBytes {
        Hash128(of: $0, seed: UInt64(block))
      }
      high &+= hash.high
      low &+= hash.low
    }
    return Hash128(high: high, low: low)
  }

  @Test("the sum of a tensor follows its definition, in parts and in any order")
  func blockSum() throws {
    let bytes = noise(2 * (3 * 65_536 + 5))
    var whole = BlockSum()
    bytes.withUnsafeBytes { whole.add($0, firstElement: 0, dtype: .bf16) }
    #expect(whole.value == reference(bytes, blockByteCount: 131_072))
    var parts = BlockSum()
    for (first, end) in [(131_072, 196_613), (0, 65_536), (65_536, 131_072)] {
      var part = BlockSum()
      Array(bytes[2 * first..<2 * end]).withUnsafeBytes {
        part.add($0, firstElement: first, dtype: .bf16)
      }
      parts.add(part)
    }
    #expect(parts == whole)
    #expect(BlockSum(text: whole.text) == whole)
    #expect(whole.text.hasPrefix("xxh3-128-sum:"))
    #expect(BlockSum(text: whole.value.hexadecimal) == nil)
  }

  @Test("blocks that change places, and one changed bit, change the sum")
  func sensitivity() throws {
    var bytes = noise(2 * 65_536)
    func sum() -> BlockSum {
      var sum = BlockSum()
      bytes.withUnsafeBytes { sum.add($0, firstElement: 0, dtype: .u8) }
      return sum
    }
    let before = sum()
    bytes = Array(bytes[65_536...] + bytes[..<65_536])
    #expect(sum() != before)
    bytes = Array(bytes[65_536...] + bytes[..<65_536])
    #expect(sum() == before)
    bytes[70_000] ^= 1
    #expect(sum() != before)
  }

  @Test("blocks hold 65536 elements of any width", arguments: DType.allCases)
  func blockLength(_ dtype: DType) {
    #expect(BlockSum.blockByteCount(of: dtype) == 8192 * dtype.bitCount)
  }

  @Test("the hash of a shard covers header, sums and their order")
  func shardHash() throws {
    let sums = [UInt8(1), 2].map { byte in
      var sum = BlockSum()
      [byte].withUnsafeBytes { sum.add($0, firstElement: 0, dtype: .u8) }
      return sum
    }
    let text = ShardHash.text(header: [1, 2, 3], sums: sums)
    let content = [1, 2, 3] + sums[0].value.bytes + sums[1].value.bytes
    #expect(text == "xxh3-128-shard:" + content.withUnsafeBytes { Hash128(of: $0).hexadecimal })
    #expect(text != ShardHash.text(header: [1, 2, 3], sums: sums.reversed()))
    #expect(text != ShardHash.text(header: [1, 2, 4], sums: sums))
  }
}
