/// An open safetensors file whose header has been checked.
package struct SafetensorsFile: Sendable {
  /// The file.
  package let input: InputFile
  /// What is in it.
  package let header: SafetensorsHeader

  /// The path as it was given.
  package var path: String { input.path }

  /// Opens a file and checks its header; the data is not touched.
  ///
  /// Memory: the header's text while this runs, and the entries afterwards.
  ///
  /// - Parameter path: The path; links are followed.
  /// - Returns: The open file.
  /// - Throws: If it is no regular file, cannot be read, or breaks a rule of the format.
  package static func open(_ path: String) throws(FormatError) -> SafetensorsFile {
    let input = try InputFile.open(path)
    return SafetensorsFile(input: input, header: try header(of: input))
  }

  /// Where the JSON text of a file's header is.
  static func textRange(of input: InputFile) throws(FormatError) -> Range<Int> {
    let prefixEnd = min(input.byteCount, SafetensorsHeader.prefixByteCount)
    if let error = FileSignature.error(input) { throw error }
    let textByteCount = try SafetensorsHeader.textByteCount(
      prefix: try input.bytes(in: 0..<prefixEnd), fileByteCount: input.byteCount,
      file: input.path)
    return prefixEnd..<prefixEnd + textByteCount
  }

  /// Reads the header of a file, and checks it.
  static func header(of input: InputFile) throws(FormatError) -> SafetensorsHeader {
    let text = try input.bytes(in: textRange(of: input))
    // Safety: the text outlives the parser.
    let header = unsafe text.withUnsafeBytes { text in
      Result { () throws(FormatError) in
        try unsafe SafetensorsHeader.parse(
          text, fileByteCount: input.byteCount, file: input.path)
      }
    }
    return try header.get()
  }
}
