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
    return SafetensorsFile(input: input, header: try header(try text(of: input), of: input))
  }

  /// Reads the JSON text of a file's header.
  static func text(of input: InputFile) throws(FormatError) -> [UInt8] {
    let prefixEnd = min(input.byteCount, SafetensorsHeader.prefixByteCount)
    if let error = FileSignature.error(input) { throw error }
    let textByteCount = try SafetensorsHeader.textByteCount(
      prefix: try input.bytes(in: 0..<prefixEnd), fileByteCount: input.byteCount,
      file: input.path)
    return try input.bytes(in: prefixEnd..<prefixEnd + textByteCount)
  }

  /// Checks that text.
  static func header(
    _ text: [UInt8], of input: InputFile
  ) throws(FormatError) -> SafetensorsHeader {
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
