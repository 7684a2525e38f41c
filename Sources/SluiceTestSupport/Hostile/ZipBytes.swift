/// Builds ZIP files byte by byte, right or wrong: every field can be made to lie.
package struct ZipBytes: Sendable {
  /// One entry, as the directory and the local header tell of it.
  package struct Entry: Sendable {
    var name: [UInt8]
    var data: [UInt8]
    var flags: UInt16 = 0x0800
    var method: UInt16 = 0
    var disk: UInt16 = 0
    var extra: [UInt8] = []
    var signature: UInt32 = 0x0201_4b50
    var nameByteCount: UInt16?
    /// What the directory says: compressed size, size, place of the local header.
    var storedSize: UInt32?
    var size: UInt32?
    var offset: UInt32?
    /// What the local header says.
    var localSignature: UInt32 = 0x0403_4b50
    var localName: [UInt8]?
    var localFlags: UInt16?
    var localMethod: UInt16?
    var localSize: UInt32?
    var localExtraByteCount: UInt16 = 0

    init(_ name: String, _ data: [UInt8]) {
      self.name = Array(name.utf8)
      self.data = data
    }
  }

  var entries: [Entry]
  /// What the end says.
  var count: UInt16?
  var directoryByteCount: UInt32?
  var directoryStart: UInt32?
  var disk: UInt16 = 0
  var comment: [UInt8] = []
  var behindDirectory: [UInt8] = []
  var behindEnd: [UInt8] = []
  /// Whether there is a ZIP64 end, and what it says.
  var isWide = false
  var wideCount: UInt64?
  var wideDirectoryStart: UInt64?
  var wideRecordByteCount: UInt64 = 44
  var locatorPlace: UInt64?
  var wideSignature: UInt32 = 0x0606_4b50

  init(_ entries: [Entry]) { self.entries = entries }

  /// The file.
  var bytes: [UInt8] {
    var out: [UInt8] = []
    var offsets: [Int] = []
    for entry in entries {
      offsets.append(out.count)
      let name = entry.localName ?? entry.name
      out += le(entry.localSignature) + le(UInt16(20)) + le(entry.localFlags ?? entry.flags)
      out += le(entry.localMethod ?? entry.method) + le(UInt32(0)) + le(UInt32(0))
      let size = entry.localSize ?? UInt32(entry.data.count)
      out += le(size) + le(size) + le(UInt16(name.count)) + le(entry.localExtraByteCount)
      out += name + entry.data
    }
    let start = out.count
    for (entry, offset) in zip(entries, offsets) {
      let size = UInt32(entry.data.count)
      out += le(entry.signature) + le(UInt16(20)) + le(UInt16(20)) + le(entry.flags)
      out += le(entry.method) + le(UInt32(0)) + le(UInt32(0))
      out += le(entry.storedSize ?? size) + le(entry.size ?? size)
      out += le(entry.nameByteCount ?? UInt16(entry.name.count)) + le(UInt16(entry.extra.count))
      out += le(UInt16(0)) + le(entry.disk) + le(UInt16(0)) + le(UInt32(0))
      out += le(entry.offset ?? UInt32(offset)) + entry.name + entry.extra
    }
    let byteCount = out.count - start
    out += behindDirectory
    if isWide {
      let place = out.count
      out += le(wideSignature) + le(wideRecordByteCount) + le(UInt16(45)) + le(UInt16(45))
      out += le(UInt32(0)) + le(UInt32(0)) + le(wideCount ?? UInt64(entries.count))
      out += le(wideCount ?? UInt64(entries.count)) + le(UInt64(byteCount))
      out += le(wideDirectoryStart ?? UInt64(start))
      out += le(UInt32(0x0706_4b50)) + le(UInt32(0)) + le(locatorPlace ?? UInt64(place))
      out += le(UInt32(1))
    }
    out += le(UInt32(0x0605_4b50)) + le(disk) + le(disk) + le(count ?? UInt16(entries.count))
    out += le(count ?? UInt16(entries.count)) + le(directoryByteCount ?? UInt32(byteCount))
    out += le(directoryStart ?? UInt32(start)) + le(UInt16(comment.count)) + comment
    return out + behindEnd
  }

  private func le(_ integer: some FixedWidthInteger) -> [UInt8] {
    TinyTensor.littleEndian([integer])
  }
}
