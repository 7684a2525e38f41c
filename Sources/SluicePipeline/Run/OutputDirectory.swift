internal import SluiceCore
internal import SluiceDataflow
internal import SluiceFormats
internal import SluiceStages

/// The directory of the merged model: made, filled and given its finished names in an order in which
/// nothing half-made can be taken for the whole.
struct OutputDirectory {
  let path: String
  let work: String
  private let plan: MergePlan
  private let existedBefore: Bool

  init(_ path: String, needing plan: MergePlan) throws {
    self.path = path
    self.plan = plan
    work = "\(path)/\(MergeRun.workDirectoryName)"
    existedBefore = try FileStatus.of(path) != nil
    if existedBefore { try OutputDirectory.checkIsFree(path) }
    try Directory.create(path)
    // What an earlier run left unfinished is of no use to this one.
    try Directory.remove(work)
    try Directory.create(work)
    try checkSpace()
  }

  func workPath(_ name: String) -> String { "\(work)/\(name)" }

  private static func checkIsFree(_ path: String) throws {
    for entry in try Directory.list(path) {
      let isModel =
        entry.name.hasSuffix(".safetensors") || entry.name == ShardLayout.indexFileName
        || entry.name == MergeReport.fileName
      if isModel { throw PipelineError.outputExists(path, found: entry.name) }
    }
  }

  private func checkSpace() throws {
    let free = try FileSystem.freeByteCount(at: path)
    guard free < plan.layout.byteCount else { return }
    throw PipelineError(
      Failure(
        .inputOutput, subject: Subject(file: path),
        message: "the merged model needs \(ByteCount(plan.layout.byteCount)), "
          + "\(ByteCount(free)) are free",
        remedy: "Free space, or choose another --out."))
  }

  /// Copies config, tokenizer and other small files of the base.
  func copySideFiles() throws -> [String] {
    var copied: [String] = []
    if let config = plan.config {
      try WholeFile.write(config, to: "\(path)/config.json")
      copied.append("config.json")
    }
    for name in try SideFiles.list(of: plan.recipe.base) where name != "config.json" {
      try WholeFile.copy("\(plan.recipe.base)/\(name)", to: "\(path)/\(name)")
      copied.append(name)
    }
    return copied.sorted()
  }

  /// Writes the recipe with everything said.
  func writeRecipe() throws {
    try WholeFile.write(
      Array(plan.recipe.resolvedText.utf8), to: "\(path)/\(MergeRecipe.resolvedFileName)")
  }

  /// Gives everything its finished name: what loaders look for first comes last.
  func publish(
    _ shards: OutputShards, report: inout MergeReport, start: MonotonicTime
  ) throws {
    if plan.layout.index != nil { try shards.publish(in: path) }
    report.totals.seconds = MonotonicTime.now.seconds(since: start)
    report.totals.peakMemory = ProcessMemory.peakByteCount
    report.fillExplanation()
    try report.write(to: "\(path)/\(MergeReport.fileName)")
    if let index = plan.layout.index {
      try WholeFile.write(index, to: "\(path)/\(ShardLayout.indexFileName)")
    } else {
      try shards.publish(in: path)
    }
  }

  /// Removes what was needed during the run.
  func finish() throws { try Directory.remove(work) }

  /// Removes what an unsuccessful run made.
  func abandon() {
    try? Directory.remove(work)
    guard !existedBefore, let left = try? Directory.list(path), left.isEmpty else { return }
    try? Directory.remove(path)
  }
}

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
