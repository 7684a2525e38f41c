internal import SluiceCore

/// What the first bytes of a file say that it is, whatever its name says.
package enum FileSignature: Sendable, Hashable {
  case empty
  /// A pointer of Git LFS: the text that stands for a file that was not downloaded.
  case pointer
  case html
  case gguf
  /// A ZIP archive, as `torch.save` writes it.
  case zip
  /// A pickle, as `torch.save` wrote it before version 1.6.
  case pickle
  case hdf5
  case json
  /// Compressed with gzip or zstd, or an archive of tar.
  case archive
  case other

  /// How many bytes are looked at.
  package static let byteCount = 512

  /// Judges the first bytes of a file.
  ///
  /// - Parameter start: As many as `byteCount`, fewer of a shorter file.
  package init(_ start: some Collection<UInt8>) {
    func begins(_ text: String) -> Bool { start.starts(with: text.utf8) }
    // Text has no NUL; the length that a safetensors file begins with has some.
    let isText = !start.prefix(8).contains(0)
    let letters = start.prefix(isText ? 64 : 0).drop {
      $0 <= 32 || [0xEF, 0xBB, 0xBF].contains($0)
    }
    let lowered = letters.map { (65...90).contains($0) ? $0 + 32 : $0 }
    if start.isEmpty {
      self = .empty
    } else if begins("version https://git-lfs") || begins("version https://hawser") {
      self = .pointer
    } else if begins("GGUF") || begins("ggml") || begins("ggjt") {
      self = .gguf
    } else if !FileSignature.isHeader(start),
      start.starts(with: [0x50, 0x4B, 3, 4]) || start.starts(with: [0x50, 0x4B, 5, 6])
    {
      self = .zip
    } else if start.starts(with: [0x89, 0x48, 0x44, 0x46]) {
      self = .hdf5
    } else if !FileSignature.isHeader(start),
      start.starts(with: [0x1F, 0x8B]) || start.starts(with: [0x28, 0xB5, 0x2F, 0xFD])
        || start.dropFirst(257).starts(with: "ustar".utf8)
    {
      self = .archive
    } else if lowered.starts(with: "<!doctype".utf8) || lowered.starts(with: "<html".utf8)
      || lowered.starts(with: "<?xml".utf8)
    {
      self = .html
    } else if !FileSignature.isHeader(start), start.first == 0x80,
      let version = start.dropFirst().first, (2...5).contains(version)
    {
      self = .pickle
    } else if letters.first == UInt8(ascii: "{") || letters.first == UInt8(ascii: "[") {
      self = .json
    } else {
      self = .other
    }
  }

  /// Whether the file begins with a length below 4 GiB, as safetensors files do.
  private static func isHeader(_ start: some Collection<UInt8>) -> Bool {
    start.count > 8 && start.dropFirst(4).prefix(4).allSatisfy { $0 == 0 }
  }

  /// What is wrong where weights were expected, and what to do; nil where nothing is known.
  package var advice: (message: String, remedy: String)? {
    switch self {
    case .empty: nil
    case .pointer:
      (
        "a pointer of Git LFS, not the file that it stands for",
        "run git lfs pull in the directory, or download the model again"
      )
    case .html:
      (
        "a web page (HTML), not the file",
        "download the file itself: the address of the file has /resolve/ where that of its page "
          + "has /blob/"
      )
    case .gguf:
      ("a GGUF file; sluice reads safetensors", "give the model that the GGUF file was made from")
    case .zip:
      (
        "a ZIP archive, as PyTorch's torch.save writes it, under another name",
        "rename it to pytorch_model.bin"
      )
    case .pickle: ("a pickle of PyTorch, under another name", TorchAdvice.conversion)
    case .hdf5: ("an HDF5 file of TensorFlow", "give the model's safetensors checkpoint")
    case .json: ("JSON text, not weights", "give the directory that holds the model")
    case .archive: ("a compressed archive", "unpack it and give the directory")
    case .other: nil
    }
  }

  /// The error for a file that was to hold weights, by its first bytes.
  static func error(_ input: InputFile, expected: FileSignature? = nil) -> FormatError? {
    guard
      let start = try? input.bytes(in: 0..<min(input.byteCount, FileSignature.byteCount)),
      case let found = FileSignature(start), found != expected, let advice = found.advice
    else { return nil }
    return .malformed(advice.message, file: input.path, remedy: advice.remedy)
  }
}
