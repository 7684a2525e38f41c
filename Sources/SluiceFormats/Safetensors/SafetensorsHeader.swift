/// The header of a safetensors file: eight bytes of length, JSON, and what they say.
///
/// Accepts what the safetensors library accepts, white space before and after the JSON included,
/// with three exceptions: a name that occurs twice is refused even if both entries are alike, and so
/// are more dimensions or tensors than any model has.
package struct SafetensorsHeader: Sendable, Hashable {
  /// The longest JSON text that a file may have.
  package static let maximumTextByteCount = 100_000_000
  /// The most dimensions of a tensor.
  package static let maximumRank = 1 << 16
  /// The most dimensions of all tensors together.
  package static let maximumDimensionCount = 1 << 22
  /// How much of the free-form part is kept, in bytes with what strings take beside their text.
  package static let keptMetadataByteCount = 1 << 20
  /// The number of bytes before the JSON text.
  package static let prefixByteCount = 8

  /// Where the data starts in the file: the length of prefix and JSON text.
  package let byteCount: Int
  /// The tensors in the order of their bytes.
  package let tensors: [TensorEntry]
  /// The free-form part of the header; not all of it if it is very long.
  package let metadata: [String: String]

  /// Reads the length of the JSON text from the first eight bytes.
  ///
  /// - Parameters:
  ///   - prefix: The first bytes of the file, at least eight where it has so many.
  ///   - fileByteCount: The length of the file.
  ///   - file: The path to name in errors.
  /// - Returns: The number of bytes of JSON after the prefix.
  /// - Throws: If the file is too short for it, or the length is above the limit.
  package static func textByteCount(
    prefix: [UInt8], fileByteCount: Int, file: String
  ) throws(FormatError) -> Int {
    guard fileByteCount >= prefixByteCount, prefix.count >= prefixByteCount else {
      throw .malformed(
        "expected a safetensors file, found only \(fileByteCount) bytes", file: file,
        remedy: "download or save the file again")
    }
    let length = LittleEndian.number(prefix[..<prefixByteCount])
    guard length <= UInt64(maximumTextByteCount) else {
      throw .malformed(
        "a header of \(length) bytes; at most \(maximumTextByteCount) are allowed", file: file,
        byteRange: 0..<prefixByteCount, remedy: "is this a safetensors file?")
    }
    guard Int(length) <= fileByteCount - prefixByteCount else {
      throw .malformed(
        "a header of \(length) bytes in a file of \(fileByteCount)", file: file,
        byteRange: 0..<prefixByteCount, remedy: "the file is cut short; download or save it again")
    }
    return Int(length)
  }

  /// Reads and checks the JSON text of a header.
  ///
  /// - Parameters:
  ///   - text: The JSON text, without the prefix.
  ///   - fileByteCount: The length of the file, to which the tensors must add up exactly.
  ///   - file: The path to name in errors.
  /// - Returns: The header.
  /// - Throws: If any rule of the format is broken.
  package static func parse(
    _ text: UnsafeRawBufferPointer, fileByteCount: Int, file: String
  ) throws(FormatError) -> SafetensorsHeader {
    // Safety: the parser is gone when this function returns; the caller keeps the text until then.
    var parser = unsafe SafetensorsHeaderParser(
      scanner: JSONScanner(text, file: file, fileOffset: prefixByteCount), file: file,
      dataOffset: prefixByteCount + text.count,
      dataByteCount: fileByteCount - prefixByteCount - text.count)
    return try parser.parse()
  }
}
