/// Reads numbers from bytes front to back; every read says nil instead of going beyond the end.
package struct ByteReader {
  @usableFromInline let all: [UInt8]
  @usableFromInline let end: Int
  @usableFromInline var position = 0

  /// Begins to read.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - left: How many of them, at the end, are none of the reader's.
  package init(_ bytes: [UInt8], leaving left: Int = 0) {
    all = bytes
    end = max(0, bytes.count - left)
  }

  /// What has not been read.
  package var remaining: [UInt8] { Array(all[position..<end]) }
  /// Whether everything has been read.
  package var isAtEnd: Bool { position == end }

  /// So many bytes.
  package mutating func bytes(_ count: Int) -> [UInt8]? {
    guard count >= 0, count <= end - position else { return nil }
    defer { position += count }
    return Array(all[position..<position + count])
  }

  /// A little-endian number.
  @inlinable
  package mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_: T.Type) -> T? {
    let count = T.bitWidth / 8
    guard count <= end - position else { return nil }
    defer { position += count }
    // Byte by byte, since a slice for each number would be an allocation for each.
    var value: T = 0
    for offset in 0..<count { value |= T(all[position + offset]) << T(8 * offset) }
    return value
  }

  /// Reads a number as `append(packed:)` writes it; nil if there is none, or it is larger than an Int.
  package mutating func packedCount() -> Int? {
    var value: UInt64 = 0
    for shift in stride(from: 0, through: 56, by: 7) {
      guard let byte = integer(UInt8.self) else { return nil }
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return Int(exactly: value) }
    }
    return nil
  }

  /// A little-endian number of 64 bits that is not negative as an `Int`.
  package mutating func count() -> Int? { integer(UInt64.self).flatMap { Int(exactly: $0) } }
}
