internal import SluiceKernels

/// A 128-bit value of XXH3: says whether bytes changed by accident, not whether someone meant to.
package struct Hash128: Sendable, Hashable {
  /// The upper half.
  package let high: UInt64
  /// The lower half.
  package let low: UInt64

  /// Puts two halves together.
  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The XXH3-128 of bytes that are in memory.
  package init(of bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) {
    let hash = unsafe Kernels.best.hash(bytes, seed: seed)
    self.init(high: hash.high, low: hash.low)
  }

  /// The XXH3-128 of an array's bytes.
  package init(of bytes: [UInt8], seed: UInt64 = 0) {
    // Safety: the bytes are used inside the closure only.
    self = unsafe bytes.withUnsafeBytes { unsafe Hash128(of: $0, seed: seed) }
  }

  /// The XXH3-128 of texts as UTF-8, each followed by a NUL.
  package init(of texts: some Sequence<String>) {
    var bytes: [UInt8] = []
    for text in texts {
      bytes += text.utf8
      bytes.append(0)
    }
    self.init(of: bytes)
  }

  /// Writes what `bytes` gives.
  ///
  /// - Parameters:
  ///   - target: Memory that has 16 bytes from the offset on.
  ///   - offset: Where the bytes go.
  package func store(_ target: UnsafeMutableRawBufferPointer, at offset: Int) {
    precondition(offset >= 0 && offset + 16 <= target.count)
    unsafe target.storeBytes(of: high.bigEndian, toByteOffset: offset, as: UInt64.self)
    unsafe target.storeBytes(of: low.bigEndian, toByteOffset: offset + 8, as: UInt64.self)
  }

  /// Reads what `bytes` gave.
  ///
  /// - Parameter bytes: 16 bytes, most significant first.
  package init?(bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    var halves: (high: UInt64, low: UInt64) = (0, 0)
    for byte in bytes {
      halves.high = halves.high << 8 | halves.low >> 56
      halves.low = halves.low << 8 | UInt64(byte)
    }
    self.init(high: halves.high, low: halves.low)
  }

  /// Reads what `hexadecimal` wrote.
  ///
  /// - Parameter hexadecimal: 32 digits, the upper half first.
  package init?(hexadecimal: String) {
    let digits = Array(hexadecimal.utf8)
    guard digits.count == 32 else { return nil }
    var halves: [UInt64] = [0, 0]
    for (position, digit) in digits.enumerated() {
      let value: UInt8
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = digit - UInt8(ascii: "a") + 10
      default: return nil
      }
      halves[position / 16] = halves[position / 16] << 4 | UInt64(value)
    }
    self.init(high: halves[0], low: halves[1])
  }

  /// 32 lower-case hexadecimal digits, the upper half first.
  package var hexadecimal: String {
    unsafe String(unsafeUninitializedCapacity: 32) { room in
      for place in 0..<32 {
        let half = place < 16 ? high : low
        let digit = UInt8(half >> UInt64(60 - place % 16 * 4) & 15)
        unsafe room[place] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      }
      return 32
    }
  }

  /// The 16 bytes, most significant first.
  package var bytes: [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 16) { room, made in
      unsafe store(UnsafeMutableRawBufferPointer(room), at: 0)
      made = 16
    }
  }
}
