/// Numbers as they stand in files: least significant byte first, at any alignment.
package enum LittleEndian {
  // Inlined, since these are called for every number of a histogram.

  /// Reads 32 bits that are all there.
  @inlinable
  package static func load(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
    precondition(offset >= 0 && offset <= bytes.count - 4)
    // SAFETY: the range was just checked.
    return unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  /// Writes 32 bits for which there is room.
  @inlinable
  package static func store(
    _ value: UInt32, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int
  ) {
    precondition(offset >= 0 && offset <= bytes.count - 4)
    // SAFETY: the range was just checked.
    unsafe bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
  }

  /// Writes 64 bits for which there is room.
  @inlinable
  package static func store(
    _ value: UInt64, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int
  ) {
    precondition(offset >= 0 && offset <= bytes.count - 8)
    // SAFETY: the range was just checked.
    unsafe bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt64.self)
  }

  /// The number that at most eight bytes are.
  package static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension [UInt8] {
  /// Appends a number, least significant byte first.
  @inlinable
  package mutating func append<T: FixedWidthInteger & UnsignedInteger>(littleEndian value: T) {
    for shift in stride(from: 0, to: T.bitWidth, by: 8) {
      append(UInt8(truncatingIfNeeded: value >> T(shift)))
    }
  }

  /// Appends a number that is not negative and seldom large: seven bits a byte, the lowest first, the eighth where more follow.
  package mutating func append(packed count: Int) {
    var rest = UInt64(count)
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }

  /// Appends a number that is not negative, in 64 bits, least significant byte first.
  package mutating func append(count: Int) { append(littleEndian: UInt64(count)) }
}
