internal import SluiceFormats
package import SluicePlan
internal import SluiceRecipe

/// A line of the journal: a unit that is finished, and what must be known of it to go on.
package struct JournalRecord: Sendable, Hashable {
  /// The unit.
  package let key: UnitKey
  /// The bytes that were read and written for it, for telling how far a run is.
  package let workByteCount: Int
  /// What must be known of it; the meaning depends on the kind.
  package let body: [UInt8]

  /// Describes a finished unit.
  ///
  /// - Parameters:
  ///   - key: The unit.
  ///   - workByteCount: The bytes that were read and written for it.
  ///   - body: What must be known of it.
  package init(_ key: UnitKey, workByteCount: Int = 0, body: [UInt8] = []) {
    self.key = key
    self.workByteCount = workByteCount
    self.body = body
  }
}

/// The bytes of a journal (docs/reference/journal.md).
///
///     file    "sluicejl", version (UInt32), 0 (UInt32), manifest's hash (16), records
///     record  length of the payload (UInt32), XXH3-128 of the payload (16), payload
///     payload length of the kind (UInt8), kind, ordinal (UInt64), bytes of work (UInt64), body
///
/// Numbers are little-endian, hashes most significant byte first. A record's hash is seeded with
/// the record's position in the file.
enum JournalFormat {
  static let magic = Array("sluicejl".utf8)
  static let version: UInt32 = 1
  static let headerByteCount = 32
  static let recordHeaderByteCount = 20
  /// Longer payloads are taken for damage.
  static let payloadByteLimit = 1 << 24
  /// Ordinals and bytes of work from here on are taken for damage.
  static let numberLimit = 1 << 53

  static func header(manifest: Hash128) -> [UInt8] {
    var bytes = magic
    bytes.append(littleEndian: version)
    bytes.append(littleEndian: UInt32(0))
    return bytes + manifest.bytes
  }

  static func encode(_ record: JournalRecord, at offset: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    append(record, to: &bytes, at: offset)
    return bytes
  }

  /// Appends a record to what is going to be written, and begins somewhere in the file.
  static func append(_ record: JournalRecord, to bytes: inout [UInt8], at offset: Int) {
    let name = record.key.kind.rawValue.utf8
    let payload = 1 + name.count + 16 + record.body.count
    precondition(payload <= payloadByteLimit, "a record that no reader would take")
    let start = bytes.count + recordHeaderByteCount
    bytes.append(littleEndian: UInt32(payload))
    // Where the hash comes to stand.
    for _ in 0..<2 { bytes.append(littleEndian: UInt64(0)) }
    bytes.append(UInt8(name.count))
    bytes += name
    bytes.append(count: record.key.ordinal)
    bytes.append(count: record.workByteCount)
    bytes += record.body
    // Safety: the payload is used inside the closure only.
    unsafe bytes.withUnsafeMutableBytes { bytes in
      let payload = unsafe UnsafeRawBufferPointer(rebasing: bytes[start...])
      let hash = unsafe Hash128(of: payload, seed: UInt64(offset))
      for (place, half) in [hash.high, hash.low].enumerated() {
        unsafe bytes.storeBytes(
          of: half.bigEndian, toByteOffset: start - 16 + 8 * place, as: UInt64.self)
      }
    }
  }

  /// Reads a payload; nil if it is none.
  static func decode(_ payload: [UInt8]) -> JournalRecord? {
    var reader = ByteReader(payload)
    guard let length = reader.integer(UInt8.self), length > 0,
      let kind = reader.bytes(Int(length)), let name = String(validating: kind, as: UTF8.self),
      let ordinal = reader.count(), let workByteCount = reader.count(),
      ordinal < numberLimit, workByteCount < numberLimit
    else { return nil }
    return JournalRecord(
      UnitKey(UnitKind(rawValue: name), ordinal), workByteCount: workByteCount,
      body: reader.remaining)
  }
}
