internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats

/// The small files beside a checkpoint's weights that belong to the model.
enum ModelCompanions {
  private static let sizeLimit = 256 << 20
  private static let weights = [
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".h5", ".msgpack", ".onnx",
    ".onnx_data", ".npz", ".tflite", ".index.json",
  ]
  // A description of the base is not one of the merged model.
  private static let others: Set<String> = [
    MergeReport.fileName, MergeRecipe.resolvedFileName, "README.md",
  ]

  /// The files to copy.
  static func list(of base: String) throws -> [String] {
    try candidates(of: base).filter { try !leadsOut($0, of: base) }.map(\.name).sorted()
  }

  /// The files that would be copied if they were no links to somewhere else.
  ///
  /// A stranger's directory could have a link to a private file, which would then be published with
  /// the merged model.
  ///
  /// - Parameter base: The base model's path.
  /// - Returns: One warning for each.
  /// - Throws: If the directory cannot be listed.
  static func warnings(of base: String) throws -> [Warning] {
    try candidates(of: base).filter { try leadsOut($0, of: base) }.map { entry in
      Warning(
        .oddInput, subject: Subject(model: "base", file: "\(base)/\(entry.name.printable)"),
        message: "a link that leads out of the checkpoint; it is not copied")
    }
  }

  private static func candidates(of base: String) throws -> [DirectoryEntry] {
    guard try FileStatus.of(base)?.kind == .directory else { return [] }
    return try Directory.list(base).filter { entry in
      guard let status = entry.status else { return false }
      return status.kind == .regularFile && !entry.name.hasPrefix(".")
        && status.byteCount <= sizeLimit && !others.contains(entry.name)
        && !weights.contains { entry.name.hasSuffix($0) }
    }
  }

  /// Whether a link leads anywhere but into its directory or, in a cache of the Hugging Face hub,
  /// from `snapshots/REVISION` to the `blobs` beside `snapshots`.
  private static func leadsOut(_ entry: DirectoryEntry, of base: String) throws -> Bool {
    guard entry.isLink else { return false }
    let target = try Directory.resolve("\(base)/\(entry.name)").split(separator: "/")
    let directory = try Directory.resolve(base).split(separator: "/")
    if target.starts(with: directory) { return false }
    guard directory.count >= 2, directory[directory.count - 2] == "snapshots" else { return true }
    return !target.starts(with: directory.dropLast(2) + ["blobs"])
  }
}
