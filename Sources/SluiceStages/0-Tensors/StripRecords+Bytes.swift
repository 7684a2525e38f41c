internal import SluiceFormats

extension StripRecords.Slot {
  /// For each model the position and number of bytes (two UInt64) and the hash (16).
  package static func encode(_ slots: [StripRecords.Slot]) -> [UInt8] {
    var bytes: [UInt8] = []
    for slot in slots {
      bytes.append(count: slot.offset)
      bytes.append(count: slot.byteCount)
      bytes += slot.hash.bytes
    }
    return bytes
  }

  /// Reads them back; nil if they are none.
  package static func decode(_ bytes: [UInt8]) -> [StripRecords.Slot]? {
    var reader = ByteReader(bytes)
    var slots: [StripRecords.Slot] = []
    while !reader.isAtEnd {
      guard let offset = reader.count(), let byteCount = reader.count(),
        let hash = reader.bytes(16).flatMap({ Hash128(bytes: $0) }),
        offset <= Int.max - byteCount
      else { return nil }
      slots.append(StripRecords.Slot(offset: offset, byteCount: byteCount, hash: hash))
    }
    return slots
  }
}
