internal import SluiceCore

extension JSONScanner {
  /// An error about what was read last: valid JSON that is not what its reader can work with.
  ///
  /// - Parameters:
  ///   - message: What is wrong.
  ///   - remedy: What to do.
  /// - Returns: An error with the exit code for bad input, with the place in the file.
  package func refusal(_ message: String, remedy: String? = nil) -> FormatError {
    let position = fileOffset + offset
    return .malformed(message, file: file, byteRange: position..<position, remedy: remedy)
  }

  /// An error about a file of ours that breaks a rule which all of ours keep.
  package func foreign(_ message: String) -> FormatError {
    refusal(message, remedy: "The file is damaged, or sluice did not write it.")
  }
}
