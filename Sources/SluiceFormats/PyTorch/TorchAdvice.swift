internal import SluiceCore

/// What to tell someone whose PyTorch file is not read.
enum TorchAdvice {
  static let conversion =
    "if you trust the file, load it with transformers and save it with save_pretrained, which "
    + "writes safetensors"

  /// The message about a name that is not on the list.
  static func unknownGlobal(module: String, name: String) -> String {
    let full = "\(module).\(name)".printable
    if name == "_rebuild_qtensor" || name.hasPrefix("QInt") || name.hasPrefix("QUInt") {
      return "\(full): quantised tensors are not read"
    }
    if name.hasPrefix("_rebuild_") { return "\(full): only plain, dense tensors are read" }
    if name.hasSuffix("Storage") || module == "torch" { return "\(full): not a type that is read" }
    return "it names \(full); nothing but tensors is read, and nothing is ever called"
  }

  /// The error for a file that is not a ZIP archive, by its first bytes.
  static func notAnArchive(_ start: [UInt8], file: String) -> FormatError {
    let legacy: [UInt8] = [
      0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19,
    ]
    if start.starts(with: legacy) {
      return .malformed(
        "a PyTorch file in the format from before version 1.6", file: file, remedy: conversion)
    }
    if start.first == Opcode.proto {
      return .malformed("a pickle, but no PyTorch archive", file: file, remedy: conversion)
    }
    if start.isEmpty {
      return .malformed("an empty file", file: file, remedy: "download or save the file again")
    }
    let signature = FileSignature(start)
    if signature != .zip, let advice = signature.advice {
      return .malformed(advice.message, file: file, remedy: advice.remedy)
    }
    return .malformed(
      "expected a PyTorch file, found something else", file: file,
      remedy: "download it again; a pointer of Git LFS is no checkpoint")
  }
}
