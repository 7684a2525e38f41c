/// Numbers as they stand in files: least significant byte first, at any alignment.
package enum LittleEndian {
  /// Reads a number whose bytes are all there.
  @inlinable
  package static func load<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, _ bytes: UnsafeRawBufferPointer, at offset: Int
  ) -> T {
    precondition(offset >= 0 && offset <= bytes.count - MemoryLayout<T>.size)
    // SAFETY: the range was just checked.
    return unsafe T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  /// Writes a number for whose bytes there is room.
  @inlinable
  package static func store<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, _ bytes: UnsafeMutableRawBufferPointer, at offset: Int
  ) {
    precondition(offset >= 0 && offset <= bytes.count - MemoryLayout<T>.size)
    // SAFETY: the range was just checked.
    unsafe bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
  }

  /// The bytes of numbers.
  ///
  /// For the many: a generic function of another module is called through a table for every number.
  package static func bytes(of words: [UInt32]) -> [UInt8] {
    // SAFETY: both arrays have that many bytes, and they are used inside the closures only.
    unsafe [UInt8](unsafeUninitializedCapacity: 4 * words.count) { bytes, count in
      unsafe words.map { $0.littleEndian }.withUnsafeBytes {
        unsafe UnsafeMutableRawBufferPointer(bytes).copyMemory(from: $0)
      }
      count = 4 * words.count
    }
  }

  /// The numbers that bytes are; nil if they are not whole ones.
  package static func words(of bytes: [UInt8]) -> [UInt32]? {
    guard bytes.count.isMultiple(of: 4) else { return nil }
    // SAFETY: as above.
    return unsafe [UInt32](unsafeUninitializedCapacity: bytes.count / 4) { words, count in
      unsafe bytes.withUnsafeBytes {
        unsafe UnsafeMutableRawBufferPointer(words).copyMemory(from: $0)
      }
      count = bytes.count / 4
      for index in 0..<count { unsafe words[index] = UInt32(littleEndian: words[index]) }
    }
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

  /// Appends a number that is not negative, in 64 bits, least significant byte first.
  package mutating func append(count: Int) { append(littleEndian: UInt64(count)) }
}
