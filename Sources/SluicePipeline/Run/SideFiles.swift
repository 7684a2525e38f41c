internal import SluiceFormats

/// The small files beside a checkpoint's weights that belong to the model.
enum SideFiles {
  private static let sizeLimit = 256 << 20
  private static let weights = [
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".ggml", ".h5", ".msgpack", ".onnx",
    ".onnx_data", ".npz", ".tflite", ".index.json",
  ]
  // A description of the base is not one of the merged model.
  private static let others: Set<String> = [
    MergeReport.fileName, MergeRecipe.resolvedFileName, "README.md",
  ]

  static func list(of base: String) throws -> [String] {
    guard try FileStatus.of(base)?.kind == .directory else { return [] }
    return try Directory.list(base).compactMap { entry in
      guard let status = entry.status, status.kind == .regularFile, !entry.name.hasPrefix("."),
        status.byteCount <= sizeLimit, !others.contains(entry.name),
        !weights.contains(where: { entry.name.hasSuffix($0) })
      else { return nil }
      return entry.name
    }.sorted()
  }
}
