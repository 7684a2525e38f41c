internal import SluiceCore

/// The entries of a ZIP file in which nothing is compressed or encrypted, so that their data can be
/// read in place.
///
/// Names are keys here, never paths. Refused is whatever two readers could take for two things:
/// a name twice, entries that overlap each other or the directory, a local header that does not say
/// the same as the directory, sizes that contradict each other.
struct ZipArchive {
  /// Where in the file the data of each entry is.
  private(set) var entries: [String: Range<Int>] = [:]

  private let input: InputFile
  private let directoryStart: Int

  /// Reads the directory and every local header of a file; no data.
  init(_ input: InputFile) throws(FormatError) {
    self.input = input
    let end = try ZipEnd(of: input)
    directoryStart = end.directory.lowerBound
    var listed = try entries(in: end)
    listed.sort { $0.headerStart < $1.headerStart }
    entries.reserveCapacity(listed.count)
    var freeStart = 0
    for entry in listed {
      guard entry.headerStart >= freeStart else {
        throw malformed(
          "the entry overlaps the one before it", entry, entry.headerStart..<freeStart)
      }
      let data = try dataRange(of: entry)
      freeStart = data.upperBound
      guard let name = String(validating: entry.name, as: UTF8.self) else {
        throw malformed("the name is not UTF-8", entry)
      }
      guard !entry.name.contains(0) else { throw malformed("a NUL character in the name", entry) }
      guard entries.updateValue(data, forKey: name) == nil else {
        throw malformed("the name occurs twice", entry)
      }
    }
  }

  /// What the directory says of an entry.
  private struct Listed {
    let name: ArraySlice<UInt8>
    let flags: UInt16
    let byteCount: Int
    let headerStart: Int
  }

  private func entries(in end: ZipEnd) throws(FormatError) -> [Listed] {
    let directory = try input.bytes(in: end.directory)
    var listed: [Listed] = []
    listed.reserveCapacity(end.entryCount)
    var position = 0
    for _ in 0..<end.entryCount {
      let start = end.directory.lowerBound + position
      guard directory.count - position >= ZipLayout.entryByteCount else {
        throw malformed("the ZIP directory ends inside an entry", start..<end.directory.upperBound)
      }
      let fixedEnd = position + ZipLayout.entryByteCount
      let record = ZipRecord(directory[position..<fixedEnd])
      guard record.u32(0) == ZipLayout.entrySignature else {
        throw malformed("the ZIP directory holds something that is no entry", start..<start + 4)
      }
      let (nameEnd, extraEnd) = (
        fixedEnd + Int(record.u16(28)), fixedEnd + Int(record.u16(28)) + Int(record.u16(30))
      )
      let entryEnd = extraEnd + Int(record.u16(32))
      guard entryEnd <= directory.count else {
        throw malformed("the ZIP directory ends inside an entry", start..<end.directory.upperBound)
      }
      listed.append(
        try listedEntry(
          record, name: directory[fixedEnd..<nameEnd],
          extra: ZipRecord(directory[nameEnd..<extraEnd])))
      position = entryEnd
    }
    guard position == directory.count else {
      throw malformed(
        "the ZIP directory goes on behind its last entry",
        end.directory.lowerBound + position..<end.directory.upperBound)
    }
    return listed
  }

  /// Checks what the directory says of one entry.
  private func listedEntry(
    _ record: ZipRecord, name: ArraySlice<UInt8>, extra: ZipRecord
  ) throws(FormatError) -> Listed {
    let flags = record.u16(8)
    func refuse(_ message: String, remedy: String? = nil) -> FormatError {
      .malformed(
        "ZIP entry \(ZipArchive.printable(name)): \(message)", file: input.path, remedy: remedy)
    }
    guard flags & ZipLayout.encryptionFlags == 0 else {
      throw refuse("encrypted", remedy: "decrypt the file first")
    }
    guard record.u16(10) == 0 else {
      throw refuse(
        "compressed (method \(record.u16(10)))",
        remedy: "load the file with torch.load and save it again with torch.save")
    }
    guard flags & ~ZipLayout.allowedFlags == 0 else {
      throw refuse("unknown flags 0x\(String(flags, radix: 16))")
    }
    var wide = try WideNumbers(extra, refuse: refuse)
    guard let size = wide.take(record.u32(24)), let stored = wide.take(record.u32(20)),
      let headerStart = wide.take(record.u32(42)), wide.isUsedUp
    else { throw refuse("its ZIP64 field does not hold the sizes that it should") }
    guard stored == size else {
      throw refuse("\(stored) bytes stored of an entry of \(size), though not compressed")
    }
    guard record.u16(34) == 0 else {
      throw refuse("in another part of the archive")
    }
    guard size <= UInt64(directoryStart), headerStart <= UInt64(directoryStart) else {
      throw refuse("\(size) bytes from byte \(headerStart) on: beyond the ZIP directory")
    }
    return Listed(name: name, flags: flags, byteCount: Int(size), headerStart: Int(headerStart))
  }

  /// Checks the header before an entry's data, and finds the data after it.
  private func dataRange(of entry: Listed) throws(FormatError) -> Range<Int> {
    let nameStart = entry.headerStart + ZipLayout.localByteCount
    let nameEnd = nameStart + entry.name.count
    guard nameEnd <= directoryStart else {
      throw malformed("its local header lies beyond the ZIP directory", entry)
    }
    let bytes = try input.bytes(in: entry.headerStart..<nameEnd)
    let header = ZipRecord(bytes)
    guard header.u32(0) == ZipLayout.localSignature else {
      throw malformed("no local header at byte \(entry.headerStart)", entry)
    }
    guard Int(header.u16(26)) == entry.name.count,
      bytes[ZipLayout.localByteCount...].elementsEqual(entry.name)
    else { throw malformed("its local header has another name", entry) }
    guard header.u16(6) == entry.flags, header.u16(8) == 0 else {
      throw malformed("its local header has other flags or another method", entry)
    }
    // Sizes there are zero if they stand after the data, and all bits set if they are wide.
    let sizes = [header.u32(18), header.u32(22)]
    let isBehind = entry.flags & ZipLayout.sizesBehindDataFlag != 0
    guard
      sizes.allSatisfy({ $0 == .max || Int($0) == entry.byteCount || isBehind && $0 == 0 })
    else { throw malformed("its local header has another size", entry) }
    let start = nameEnd + Int(header.u16(28))
    guard start <= directoryStart, directoryStart - start >= entry.byteCount else {
      throw malformed("its \(entry.byteCount) bytes reach into the ZIP directory", entry)
    }
    return start..<start + entry.byteCount
  }

  private func malformed(
    _ message: String, _ entry: Listed, _ byteRange: Range<Int>? = nil
  ) -> FormatError {
    malformed("ZIP entry \(ZipArchive.printable(entry.name)): \(message)", byteRange)
  }

  private func malformed(_ message: String, _ byteRange: Range<Int>?) -> FormatError {
    .malformed(message, file: input.path, byteRange: byteRange)
  }

  private static func printable(_ name: ArraySlice<UInt8>) -> String {
    String(decoding: name, as: UTF8.self).printable
  }
}
