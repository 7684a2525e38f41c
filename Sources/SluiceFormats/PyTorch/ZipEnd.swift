internal import SluiceCore

/// The end of a ZIP file, which says where its directory is.
///
/// Everything after the data must follow without a gap: directory, ZIP64 end and its locator where
/// there are such, end. So there is one reading of a file only, whichever reader looks at it.
struct ZipEnd {
  /// The longest directory that is read.
  static let maximumDirectoryByteCount = 32 << 20

  /// How many entries the directory has.
  let entryCount: Int
  /// Where in the file the directory is.
  let directory: Range<Int>

  /// Reads and checks the end of a file.
  ///
  /// - Parameter input: The file.
  /// - Throws: If it is missing, is not at the very end, or contradicts itself.
  init(of input: InputFile) throws(FormatError) {
    let start = input.byteCount - ZipLayout.endByteCount
    guard start >= 0 else { throw ZipEnd.missing(input) }
    let end = ZipRecord(try input.bytes(in: start..<input.byteCount))
    guard end.u32(0) == ZipLayout.endSignature, end.u16(20) == 0 else {
      throw ZipEnd.missing(input)
    }
    guard end.u16(4) == 0, end.u16(6) == 0, end.u16(8) == end.u16(10) else {
      throw .malformed(
        "a ZIP archive in several parts", file: input.path, byteRange: start..<input.byteCount)
    }
    var place = (
      count: UInt64(end.u16(10)), byteCount: UInt64(end.u32(12)), start: UInt64(end.u32(16)),
      end: start
    )
    if let wide = try ZipEnd.wideEnd(before: start, of: input) {
      // The short end either says the same or, with all bits set, that it cannot say it.
      guard end.u16(10) == .max || place.count == wide.count,
        end.u32(12) == .max || place.byteCount == wide.byteCount,
        end.u32(16) == .max || place.start == wide.start
      else {
        throw .malformed(
          "the two ends of the ZIP directory contradict each other", file: input.path,
          byteRange: wide.end..<input.byteCount)
      }
      place = wide
    }
    let (expected, overflow) = place.start.addingReportingOverflow(place.byteCount)
    guard !overflow, expected == UInt64(place.end) else {
      throw .malformed(
        "the ZIP directory should be \(place.byteCount) bytes from byte \(place.start) on and end "
          + "at byte \(place.end)", file: input.path, byteRange: start..<input.byteCount)
    }
    let directory = Int(place.start)..<place.end
    guard directory.count <= ZipEnd.maximumDirectoryByteCount else {
      throw .malformed(
        "a ZIP directory of \(directory.count) bytes; at most "
          + "\(ZipEnd.maximumDirectoryByteCount) are allowed", file: input.path,
        byteRange: directory)
    }
    guard place.count <= UInt64(directory.count / ZipLayout.entryByteCount) else {
      throw .malformed(
        "\(place.count) entries in a ZIP directory of \(directory.count) bytes", file: input.path,
        byteRange: directory)
    }
    entryCount = Int(place.count)
    self.directory = directory
  }

  /// The ZIP64 end, if its locator lies before the end.
  private static func wideEnd(
    before end: Int, of input: InputFile
  ) throws(FormatError) -> (count: UInt64, byteCount: UInt64, start: UInt64, end: Int)? {
    let locatorStart = end - ZipLayout.locatorByteCount
    guard locatorStart >= 0 else { return nil }
    let locator = ZipRecord(try input.bytes(in: locatorStart..<end))
    guard locator.u32(0) == ZipLayout.locatorSignature else { return nil }
    let start = locatorStart - ZipLayout.end64ByteCount
    guard start >= 0, locator.u64(8) == UInt64(start), locator.u32(4) == 0, locator.u32(16) <= 1
    else {
      throw .malformed(
        "the ZIP64 end is not where its locator says", file: input.path,
        byteRange: locatorStart..<end)
    }
    let record = ZipRecord(try input.bytes(in: start..<locatorStart))
    // The length of the record counts from after itself.
    guard record.u32(0) == ZipLayout.end64Signature,
      record.u64(4) == UInt64(ZipLayout.end64ByteCount - 12), record.u32(16) == 0,
      record.u32(20) == 0, record.u64(24) == record.u64(32)
    else {
      throw .malformed(
        "a ZIP64 end that is none", file: input.path, byteRange: start..<locatorStart)
    }
    return (record.u64(32), record.u64(40), record.u64(48), start)
  }

  private static func missing(_ input: InputFile) -> FormatError {
    .malformed(
      "no ZIP directory at the end of the file", file: input.path,
      byteRange: max(0, input.byteCount - ZipLayout.endByteCount)..<input.byteCount,
      remedy: "the file is cut short or has something behind it; download or save it again")
  }
}
