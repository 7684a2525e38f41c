internal import SluiceRecipe
internal import SluiceCore
internal import SluiceFormats
internal import SluiceStages

/// The directory of the merged model: filled and given its finished names in an order in which
/// nothing half-made can be taken for the whole.
struct OutputDirectory {
  let path: String
  /// Where files are kept until they are complete.
  let work: String
  private let plan: MergePlan

  init(_ path: String, work: String, plan: MergePlan) {
    self.path = path
    self.work = work
    self.plan = plan
  }

  /// Whether a name in the directory can only belong to a merged model.
  static func isOutput(_ name: String) -> Bool {
    name.hasSuffix(".safetensors") || name == ShardLayout.indexFileName
      || name == MergeReport.fileName || name.hasPrefix("pytorch_model")
  }

  /// Refuses a directory that holds a model which this run did not make.
  func checkIsFree() throws {
    guard try FileStatus.of(path) != nil else { return }
    let inputs = Set(plan.files.map { FileIdentity($0.status) })
    for entry in try Directory.list(path) {
      if let status = entry.status, inputs.contains(FileIdentity(status)) {
        throw PipelineError.outputIsInput(path, found: entry.name)
      }
      if OutputDirectory.isOutput(entry.name) {
        throw PipelineError.outputExists(path, found: entry.name)
      }
    }
  }

  /// Whether all of this very run is there already: its report, and every file with its length.
  func isFinished(_ manifest: Manifest) throws -> Bool {
    let report = "\(path)/\(MergeReport.fileName)"
    guard try FileStatus.of(report) != nil,
      let identity = try? ReportedShards.identity(of: report),
      identity == manifest.identity.hexadecimal
    else { return false }
    for shard in plan.layout.shards {
      let status = try FileStatus.of("\(path)/\(shard.fileName)")
      guard status?.byteCount == shard.byteCount else { return false }
    }
    guard let index = plan.layout.index else { return true }
    return try FileStatus.of("\(path)/\(ShardLayout.indexFileName)")?.byteCount == index.count
  }

  /// Refuses to begin what the disk cannot hold.
  func checkSpace() throws {
    var needed = plan.layout.byteCount + plan.statisticsByteCount + plan.solve.byteCount
    if plan.options.spillDirectory == nil {
      needed += min(plan.spill.expectedByteCount, plan.options.spillLimit?.bytes ?? .max)
    }
    for shard in plan.layout.shards {
      for place in ["\(work)/\(shard.fileName)", "\(path)/\(shard.fileName)"] {
        guard let status = try FileStatus.of(place, followingLinks: false) else { continue }
        needed -= min(status.allocatedByteCount, shard.byteCount)
      }
    }
    let free = try FileSystem.freeByteCount(at: path)
    guard free < needed else { return }
    throw PipelineError(
      Failure(
        .inputOutput, subject: Subject(file: path),
        message: "the merged model needs \(ByteCount(needed)) more, \(ByteCount(free)) are free",
        remedy: "Free space, or choose another --out."))
  }

  /// Gives everything its finished name: what loaders look for first comes last.
  ///
  /// A run that is stopped in between does all of it again: each step leaves what is finished alone
  /// or puts the same in its place.
  func publish(
    _ shards: OutputShards, report: inout MergeReport, completing: (inout MergeReport) -> Void
  ) throws {
    var waiting = try sideFiles()
    report.copiedFiles = waiting.names.sorted()
    try waiting.add(
      AtomicFile.holding(
        Array(plan.recipe.resolvedText.utf8), to: "\(path)/\(MergeRecipe.resolvedFileName)",
        via: work))
    if plan.layout.index != nil { try shards.publish(in: path) }
    completing(&report)
    report.fillExplanation()
    try waiting.add(report.file(to: "\(path)/\(MergeReport.fileName)", via: work))
    try waiting.publish()
    if let index = plan.layout.index {
      try AtomicFile.write(index, to: "\(path)/\(ShardLayout.indexFileName)", via: work)
    } else {
      try shards.publish(in: path)
    }
  }

  /// Copies config, tokenizer and other small files of the base.
  private func sideFiles() throws -> WaitingFiles {
    var files = WaitingFiles()
    if let config = plan.config {
      try files.add(AtomicFile.holding(config, to: "\(path)/config.json", via: work))
    }
    for file in plan.companions.files where file.name != "config.json" {
      let via = Directory.parent(of: "\(work)/\(file.name)")
      if file.name.contains("/") {
        try Directory.create(via)
        try Directory.create(Directory.parent(of: "\(path)/\(file.name)"))
      }
      try files.add(
        AtomicFile.copying(file.source, to: "\(path)/\(file.name)", via: via), as: file.name)
    }
    return files
  }
}

/// Small files that get their names together: the disk is waited for once in a while, not for each.
private struct WaitingFiles {
  /// Each is an open file, and its bytes are dirty pages.
  private static let countLimit = 32
  private static let byteLimit = 32 << 20

  /// The names of all files so far.
  private(set) var names: [String] = []
  private var files: [AtomicFile] = []
  private var byteCount = 0

  mutating func add(_ file: AtomicFile, as name: String? = nil) throws {
    names.append(name ?? Directory.name(of: file.path))
    files.append(file)
    byteCount += file.byteCount
    if files.count >= WaitingFiles.countLimit || byteCount >= WaitingFiles.byteLimit {
      try publish()
    }
  }

  mutating func publish() throws {
    try AtomicFile.publish(files)
    files = []
    byteCount = 0
  }
}

extension OutputDirectory {
  /// Takes finished names back from a model that turned out not to be what was written.
  func takeBack() throws {
    try Directory.removeFile("\(path)/\(ShardLayout.indexFileName)")
    try Directory.removeFile("\(path)/\(MergeReport.fileName)")
    for shard in plan.layout.shards {
      let name = "\(path)/\(shard.fileName)"
      guard try FileStatus.of(name, followingLinks: false) != nil else { continue }
      try OutputFile.rename(name, to: "\(work)/\(shard.fileName)")
    }
  }
}

extension MergePlan {
  /// About how much the histograms of pass 1 take on the disk; mostly they take less.
  var statisticsByteCount: Int {
    linearTasks.reduce(0) { sum, task in
      sum + strips(task).reduce(0) { $0 + min($1.elements.count, 1 << 14) * 8 }
        * recipe.models.count
    }
  }
}

/// What makes two paths the same file.
private struct FileIdentity: Hashable {
  let device: UInt64
  let inode: UInt64

  init(_ status: FileStatus) { (device, inode) = (status.device, status.inode) }
}
