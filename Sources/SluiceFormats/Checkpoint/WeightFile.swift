/// An open file of weights whose description of itself has been checked, whatever its format.
package struct WeightFile: Sendable {
  /// The formats that are read.
  package enum Format: String, Sendable, Hashable {
    /// A safetensors file.
    case safetensors = "safetensors"
    /// A ZIP archive of PyTorch.
    case pyTorch = "PyTorch"
  }

  /// The file.
  package let input: InputFile
  /// Its format; nil if it is none of those that are opened here, as that of a delta store.
  package let format: Format?
  /// Its tensors: of a safetensors file in the order of their bytes.
  package let tensors: [TensorEntry]

  /// The path as it was given.
  package var path: String { input.path }

  /// Describes a file that was opened and checked elsewhere.
  package init(input: InputFile, format: Format?, tensors: [TensorEntry]) {
    self.input = input
    self.format = format
    self.tensors = tensors
  }

  /// Opens a file and checks what it says of itself; the data is not touched.
  ///
  /// - Parameters:
  ///   - path: The path; links are followed.
  ///   - format: The format that the file must have.
  ///   - known: A file that may say the very same of itself, as those of fine-tunes of one base often do.
  /// - Returns: The open file.
  /// - Throws: If it is no regular file, cannot be read, or breaks a rule of the format.
  package static func open(
    _ path: String, as format: Format, like known: WeightFile? = nil
  ) throws(FormatError) -> WeightFile {
    switch format {
    case .safetensors:
      let input = try InputFile.open(path)
      if let known, known.hasHeader(of: input) {
        return WeightFile(input: input, format: format, tensors: known.tensors)
      }
      let header = try SafetensorsFile.header(of: input)
      return WeightFile(input: input, format: format, tensors: header.tensors)
    case .pyTorch:
      let file = try TorchFile.open(path)
      return WeightFile(input: file.input, format: format, tensors: file.tensors)
    }
  }

  /// Whether it is a safetensors file with the length and the header of another, byte for byte; compared piece by
  /// piece, since headers may be long.
  private func hasHeader(of other: InputFile) -> Bool {
    guard format == .safetensors, input.byteCount == other.byteCount,
      let end = try? SafetensorsFile.textRange(of: input).upperBound
    else { return false }
    return (try? input.hasSameBytes(in: 0..<end, as: other, in: 0..<end)) ?? false
  }
}
