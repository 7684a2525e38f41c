internal import CSluiceKernels

// Rice codes (Rice and Plaunt, "Adaptive Variable-Length Coding for Efficient Compression of Spacecraft Television
// Data", IEEE Transactions on Communication Technology 19(6), 1971): the lower bits of a number as they are, and the
// rest in unary. docs/reference/frames.md has the bytes.

/// How numbers are taken apart for a Rice code.
package struct RiceCode: Equatable, Sendable {
  /// How many lower bits are there as they are, 0 to 7.
  package var shift: Int
  /// Whether numbers are of two bytes.
  package var isPair: Bool
  /// Whether those just below zero, modulo the width, follow those just above.
  package var isFolded: Bool
  /// The number that counts as zero.
  package var offset: UInt16

  /// Describes a code.
  package init(shift: Int, isPair: Bool, isFolded: Bool, offset: UInt16) {
    self.shift = shift
    self.isPair = isPair
    self.isFolded = isFolded
    self.offset = offset
  }
}

extension Kernels {
  /// How many bytes around Rice codes and quotients may be read and written, without looking at them.
  package static let riceSlack = 64

  /// The code that is shortest for a sample of numbers.
  ///
  /// - Parameters:
  ///   - low: The numbers, or the lower byte of each.
  ///   - high: The upper byte of each, if they have one.
  ///   - count: How many, at least one.
  /// - Returns: A code of the numbers; of pairs it may be one of the upper bytes alone.
  package func riceCode(
    low: UnsafePointer<UInt8>, high: UnsafePointer<UInt8>?, count: Int
  ) -> RiceCode {
    // Safety: the caller guarantees `count` bytes each.
    let code = unsafe functions.pointee.rice_choose(low, high, count)
    return RiceCode(
      shift: Int(code.shift), isPair: code.is_pair, isFolded: code.is_folded, offset: code.offset)
  }

  /// Writes numbers in a Rice code.
  ///
  /// - Parameters:
  ///   - low: The numbers, or the lower byte of each.
  ///   - high: The upper byte of each, if the code is one of pairs.
  ///   - count: How many.
  ///   - code: The code.
  ///   - quotients: Room for `count + riceSlack` bytes.
  ///   - out: Where to write: room for `room + riceSlack` bytes.
  ///   - room: The most bytes that the code may have.
  /// - Returns: The bytes of the code, or 0 if there would be more.
  package func encodeRice(
    low: UnsafePointer<UInt8>, high: UnsafePointer<UInt8>?, count: Int, _ code: RiceCode,
    quotients: UnsafeMutablePointer<UInt8>, into out: UnsafeMutablePointer<UInt8>, room: Int
  ) -> Int {
    precondition(code.isPair == (unsafe high != nil))
    // Safety: the caller guarantees `count` bytes each, and the room.
    return unsafe functions.pointee.rice_encode(
      low, high, count,
      sluice_rice(
        shift: UInt8(code.shift), is_pair: code.isPair, is_folded: code.isFolded,
        offset: code.offset), quotients, out, room)
  }

  /// Reads numbers back.
  ///
  /// - Parameters:
  ///   - bytes: The code, and `riceSlack` more bytes that can be read.
  ///   - length: The bytes of the code.
  ///   - count: How many numbers there should be.
  ///   - quotients: Room for twice `count + riceSlack` bytes.
  ///   - low: Receives the numbers, or the lower byte of each.
  ///   - high: Receives the upper byte of each, if they are pairs.
  /// - Returns: Whether it was a code of so many numbers.
  package func decodeRice(
    _ bytes: UnsafePointer<UInt8>, length: Int, count: Int,
    quotients: UnsafeMutablePointer<UInt8>, low: UnsafeMutablePointer<UInt8>,
    high: UnsafeMutablePointer<UInt8>?
  ) -> Bool {
    // Safety: the caller guarantees the room; the kernel checks what it reads against `length` and `count`.
    unsafe functions.pointee.rice_decode(bytes, length, count, quotients, low, high)
  }
}
