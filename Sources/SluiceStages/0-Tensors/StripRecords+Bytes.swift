internal import SluiceFormats

extension StripRecords.Slot {
  /// For each model the position and number of bytes (two UInt64) and the hash (16).
  package static func encode(_ slots: [StripRecords.Slot]) -> [UInt8] {
    let byteCount = 32 * slots.count
    return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { room, made in
      let room = UnsafeMutableRawBufferPointer(room)
      for slot in slots {
        for number in [slot.offset, slot.byteCount] {
          unsafe LittleEndian.store(UInt64(number), room, at: made)
          made += 8
        }
        unsafe slot.hash.store(room, at: made)
        made += 16
      }
    }
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
