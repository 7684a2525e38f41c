/// Reads numbers from bytes front to back; every read says nil instead of going beyond the end.
struct ByteReader {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  /// What has not been read.
  var remaining: [UInt8] { Array(rest) }
  var isAtEnd: Bool { rest.isEmpty }

  mutating func bytes(_ count: Int) -> [UInt8]? {
    guard count >= 0, count <= rest.count else { return nil }
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// A little-endian number.
  mutating func integer<T: FixedWidthInteger & UnsignedInteger>(_: T.Type) -> T? {
    bytes(T.bitWidth / 8).map { $0.reversed().reduce(0) { $0 << 8 | T($1) } }
  }

  /// A little-endian number of 64 bits that is not negative as an `Int`.
  mutating func count() -> Int? { integer(UInt64.self).flatMap { Int(exactly: $0) } }
}

extension [UInt8] {
  /// Appends a number, least significant byte first.
  mutating func append<T: FixedWidthInteger & UnsignedInteger>(littleEndian value: T) {
    for shift in stride(from: 0, to: T.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> T(shift)))
    }
  }

  /// Appends a number that is not negative, in 64 bits, least significant byte first.
  mutating func append(count: Int) { append(littleEndian: UInt64(count)) }
}
