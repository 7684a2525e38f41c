package import SluiceDataflow
internal import SluiceFormats

/// Merged bytes on their way to a shard.
///
/// Dropping it gives the buffer back.
package struct WriteJob: EdgeElement {
  /// The buffer that holds the bytes.
  package let buffer: PooledBuffer
  /// Where they lie in the buffer.
  package private(set) var range: Range<Int>
  /// The strips that they belong to, in order: one, or several small tensors that lie one after the other.
  package private(set) var strips = StripShares()
  /// The ordinal of the shard.
  package let shard: Int
  /// Where they go in the shard; where the tensor's first element goes if they do not stay together.
  package private(set) var offset: Int
  /// What they are of a tensor whose elements do not lie one after the other.
  package internal(set) var scattering: Scattering?

  /// How elements are written that do not stay together.
  package struct Scattering: Sendable {
    let view: StridedView
    /// The position of the first element in the tensor's order.
    let firstElement: Int
    let width: Int
  }

  /// Takes bytes of a strip that lie after the last ones.
  mutating func add(_ byteCount: Int, of strip: Int) {
    range = range.lowerBound..<range.upperBound + byteCount
    strips.add(StripShare(strip: strip, byteCount: byteCount))
  }

  /// Where the bytes that go after them go in the shard.
  var endOffset: Int { offset + range.count }
  package var byteCount: Int { range.count }
  package var heldByteCount: Int { unsafe buffer.bytes.count }

  package consuming func giveBack() {
    let buffer = buffer
    _ = consume self
    PooledBuffer.giveBack(buffer)
  }
}

extension WriteJob {
  /// Takes the first bytes away.
  mutating func removeFirst(_ byteCount: Int) -> BorderPages.Part {
    let part = part(range.prefix(byteCount), at: offset, strips.take(byteCount, fromEnd: false))
    range = range.lowerBound + byteCount..<range.upperBound
    offset += byteCount
    return part
  }

  /// Takes the last bytes away.
  mutating func removeLast(_ byteCount: Int) -> BorderPages.Part {
    let start = range.upperBound - byteCount
    let part = part(
      start..<range.upperBound, at: endOffset - byteCount, strips.take(byteCount, fromEnd: true))
    range = range.lowerBound..<start
    return part
  }

  /// Puts bytes before its own, with which they fill a page; around them if it has less of it.
  ///
  /// - Parameter parts: The bytes.
  /// - Returns: False, and nothing is done, if the buffer has no room for them.
  mutating func take(before parts: [BorderPages.Part]) -> Bool {
    guard copy(parts) else { return false }
    strips.insert(parts.flatMap(\.strips))
    return true
  }

  /// Puts bytes behind its own, with which they fill a page; around them if it has less of it.
  ///
  /// - Parameter parts: The bytes.
  /// - Returns: False, and nothing is done, if the buffer has no room for them.
  mutating func take(after parts: [BorderPages.Part]) -> Bool {
    guard copy(parts) else { return false }
    for share in parts.flatMap(\.strips) { strips.add(share) }
    return true
  }

  private mutating func copy(_ parts: [BorderPages.Part]) -> Bool {
    let first = min(offset, parts.map(\.offset).min() ?? offset)
    let end = max(endOffset, parts.map { $0.offset + $0.bytes.count }.max() ?? endOffset)
    // As in the file, so in the buffer.
    let start = range.lowerBound - offset
    guard first + start >= 0, unsafe end + start <= buffer.bytes.count else { return false }
    for part in parts {
      let place = part.offset + start
      // SAFETY: the place is in the buffer, which only the job's owner writes to.
      unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer.bytes[place..<place + part.bytes.count]
      ).copyBytes(from: part.bytes)
    }
    range = first + start..<end + start
    offset = first
    return true
  }

  private func part(
    _ range: Range<Int>, at offset: Int, _ strips: [StripShare]
  ) -> BorderPages.Part {
    // SAFETY: the range is a part of the job's, which lies inside of its buffer.
    let bytes = unsafe [UInt8](buffer.bytes[range])
    return BorderPages.Part(shard: shard, offset: offset, bytes: bytes, strips: strips)
  }
}
