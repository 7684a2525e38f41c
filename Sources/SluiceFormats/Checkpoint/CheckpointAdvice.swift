internal import SluiceCore

/// What to tell someone whose path holds no checkpoint that sluice can read.
enum CheckpointAdvice {
  /// The error for a directory without index and without `model.safetensors`.
  static func error(for entries: [DirectoryEntry], in path: String) -> FormatError {
    let files = entries.filter { $0.status?.kind == .regularFile }.map(\.name)
    let safetensors = files.filter { $0.hasSuffix(".safetensors") }
    if let adapter = safetensors.first(where: { $0.hasPrefix("adapter_") }), safetensors.count == 1
    {
      return .malformed(
        "only an adapter was found (\(adapter.printable)), no whole model", file: path,
        remedy:
          "give it as an adapter (--adapter NAME=PATH), or fold it into its base (sluice fold)")
    }
    if safetensors.count > 1 {
      return .malformed(
        "\(safetensors.count) safetensors files but no \(CheckpointIndex.fileName)", file: path,
        remedy: "add the index, or give the path of one file")
    }
    if let only = safetensors.first {
      return .malformed(
        "expected \(Checkpoint.singleFileName), found \(only.printable)", file: path,
        remedy: "give the path of the file itself")
    }
    if let pickled = files.first(where: isPickled) {
      return .malformed(
        "no \(CheckpointIndex.fileName(of: .pyTorch)) and no pytorch_model.bin, only "
          + "\(pickled.printable)", file: path,
        remedy: "give the path of the file itself, or download the index")
    }
    if let gguf = files.first(where: { $0.hasSuffix(".gguf") }) {
      return .malformed(
        "only GGUF files (\(gguf.printable)); sluice reads safetensors", file: path,
        remedy: "give the model that the GGUF file was made from")
    }
    if let broken = entries.first(where: { $0.isLink && $0.status == nil }) {
      return .malformed(
        "no checkpoint: \(broken.name.printable) is a link to nothing", file: path,
        remedy: "download the model again")
    }
    if entries.contains(where: { $0.name == unfinishedName && $0.status?.kind == .directory }) {
      return .malformed(
        "the run in it is not finished", file: path,
        remedy: "run the command that began it again, or see sluice status \(path.printable)")
    }
    return .malformed(
      "neither \(CheckpointIndex.fileName) nor \(Checkpoint.singleFileName) found", file: path,
      remedy: "give the directory that holds the model's config.json")
  }

  /// The error for a file that by its name is no file of weights, or nil.
  static func error(forFile path: String) -> FormatError? {
    if path.hasSuffix(".json") {
      return .malformed(
        "expected a directory or a file of weights, found a JSON file", file: path,
        remedy: "give the directory that holds it")
    }
    return nil
  }

  /// The directory in an output that is there as long as a run is not finished.
  private static let unfinishedName = ".sluice"

  /// Whether a name is one that PyTorch files have.
  static func isPickled(_ name: String) -> Bool {
    [".bin", ".pt", ".pth", ".ckpt"].contains { name.hasSuffix($0) }
  }
}
