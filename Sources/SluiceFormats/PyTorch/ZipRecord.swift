/// A fixed part of a ZIP file, whose numbers are little endian and at any alignment.
struct ZipRecord {
  private let bytes: ArraySlice<UInt8>

  /// Wraps the bytes of a record.
  ///
  /// - Parameter bytes: The bytes; positions count from their first.
  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  var count: Int { bytes.count }

  func u16(_ position: Int) -> UInt16 { integer(position) }
  func u32(_ position: Int) -> UInt32 { integer(position) }
  func u64(_ position: Int) -> UInt64 { integer(position) }

  subscript(range: Range<Int>) -> ArraySlice<UInt8> {
    bytes[bytes.startIndex + range.lowerBound..<bytes.startIndex + range.upperBound]
  }

  private func integer<I: FixedWidthInteger>(_ position: Int) -> I {
    I(LittleEndian.number(self[position..<position + I.bitWidth / 8]))
  }
}

/// The signatures and fixed lengths of the records of a ZIP file (APPNOTE 6.3, section 4.3).
enum ZipLayout {
  static let localSignature: UInt32 = 0x0403_4b50
  static let localByteCount = 30
  static let entrySignature: UInt32 = 0x0201_4b50
  static let entryByteCount = 46
  static let endSignature: UInt32 = 0x0605_4b50
  static let endByteCount = 22
  static let end64Signature: UInt32 = 0x0606_4b50
  static let end64ByteCount = 56
  static let locatorSignature: UInt32 = 0x0706_4b50
  static let locatorByteCount = 20
  /// The extra field that holds what does not fit 32 bits.
  static let extra64: UInt16 = 1

  /// The flags of a stored entry: sizes after the data (3), a name in UTF-8 (11), and two that say
  /// nothing where nothing is compressed.
  static let allowedFlags: UInt16 = 0x080e
  /// The flags of encryption: weak, strong, of the directory.
  static let encryptionFlags: UInt16 = 0x2041
  static let sizesBehindDataFlag: UInt16 = 0x0008
}
