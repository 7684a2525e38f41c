/// Where the frames of one strip of one tensor lie, in the order of its elements.
///
/// The bytes, all numbers little-endian: the floor and the number of frames (two UInt32), then for
/// each frame its position (UInt64) and length (UInt32); a length of 0 stands for no element.
package struct FrameTable: Sendable, Hashable {
  /// Where a frame lies.
  package struct Entry: Sendable, Hashable {
    /// The position of the first byte.
    package var offset: Int
    /// The number of bytes.
    package var byteCount: Int

    /// Describes a place.
    ///
    /// - Parameters:
    ///   - offset: The position of the first byte.
    ///   - byteCount: The number of bytes.
    package init(offset: Int, byteCount: Int) {
      self.offset = offset
      self.byteCount = byteCount
    }
  }

  /// The Float32 bit pattern of the smallest |delta| that is kept for sure; 0 if every element is.
  package var minimumMagnitudeBits: UInt32
  /// The places of the frames, each of `Frame.elementLimit` elements but for the last.
  package var frames: [Entry]

  /// Describes a strip.
  ///
  /// - Parameters:
  ///   - minimumMagnitudeBits: The pattern of the smallest |delta| that is kept for sure.
  ///   - frames: The places of the frames.
  package init(minimumMagnitudeBits: UInt32, frames: [Entry]) {
    self.minimumMagnitudeBits = minimumMagnitudeBits
    self.frames = frames
  }

  /// The bytes of all frames.
  package var byteCount: Int { frames.reduce(0) { $0 + $1.byteCount } }

  /// The bytes of the table itself.
  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + frames.count * 12)
    bytes.append(littleEndian: minimumMagnitudeBits)
    bytes.append(littleEndian: UInt32(frames.count))
    for frame in frames {
      bytes.append(count: frame.offset)
      bytes.append(littleEndian: UInt32(frame.byteCount))
    }
    return bytes
  }

  /// Reads a table; nil if it is none, or has frames that lie nowhere.
  package init?(encoded bytes: [UInt8]) {
    var reader = ByteReader(bytes)
    guard let floor = reader.integer(UInt32.self), let count = reader.integer(UInt32.self),
      bytes.count - 8 == Int(count) * 12
    else { return nil }
    minimumMagnitudeBits = floor
    frames = []
    frames.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let offset = reader.count(), let byteCount = reader.integer(UInt32.self),
        offset <= Int.max - Int(byteCount)
      else { return nil }
      frames.append(Entry(offset: offset, byteCount: Int(byteCount)))
    }
  }
}
