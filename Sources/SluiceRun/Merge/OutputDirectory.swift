internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe
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
      || name == RunFile.report || name.hasPrefix("pytorch_model")
  }

  /// The names that the run gives to files.
  private var names: Set<String> {
    var names = Set(plan.layout.shards.map(\.fileName))
    names.formUnion(plan.companions.files.map(\.name))
    names.formUnion([MergeRecipe.resolvedFileName, RunFile.report])
    if plan.layout.index != nil { names.insert(ShardLayout.indexFileName) }
    if plan.config != nil { names.insert("config.json") }
    return names
  }

  /// Refuses a directory with a model that this run did not make, or with others' files of the names
  /// that it is going to give.
  ///
  /// - Parameter own: The run's own files, if it has begun to give names.
  /// - Throws: `PipelineError` with the names that are taken.
  func checkIsFree(but own: OutputNames? = nil) throws {
    guard try FileStatus.of(path) != nil else { return }
    let inputs = Set(plan.tensors.files.map { FileIdentity($0.status) })
    let names = names
    // Some names lie in directories of their own, and what leads there must be no link.
    var foreign = try names.filter { name in
      let parts = name.split(separator: "/")
      for count in 1..<parts.count where parts.count > 1 {
        let place = "\(path)/\(parts.prefix(count).joined(separator: "/"))"
        let kind = try FileStatus.of(place, followingLinks: false)?.kind
        if kind != nil, kind != .directory { return true }
      }
      return try FileStatus.of("\(path)/\(name)", followingLinks: false) != nil
        && own?.isOurs(name) != true
    }
    for entry in try Directory.list(path) {
      if let status = entry.status, inputs.contains(FileIdentity(status)) {
        throw PipelineError.outputIsInput(path, found: entry.name)
      }
      guard OutputDirectory.isOutput(entry.name) else { continue }
      if try own?.isOurs(entry.name) != true { foreign.insert(entry.name) }
    }
    guard foreign.isEmpty else { throw PipelineError.outputExists(path, found: Array(foreign)) }
  }

  /// Whether all of this very run is there already: its report, and every file with its length.
  func isFinished(_ manifest: Manifest) throws -> Bool {
    let report = "\(path)/\(RunFile.report)"
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

  /// Gives everything its finished name: what loaders look for first comes last.
  ///
  /// A run that is stopped in between does all of it again: each step leaves what is finished alone
  /// or puts the same in its place.
  func publish(
    _ shards: OutputShards, report: inout MergeReport, noting names: OutputNames,
    completing: (inout MergeReport) -> Void
  ) throws {
    var waiting = try sideFiles(noting: names)
    report.copiedFiles = waiting.names.sorted()
    let recipe = plan.recipe.resolvedText(WrittenPaths(plan.options.recipePaths, from: path))
    try waiting.add(
      AtomicFile.holding(
        Array(recipe.utf8), to: "\(path)/\(MergeRecipe.resolvedFileName)", via: work))
    if plan.options.writesCard, try !hasCard(names) {
      let card = try ModelCard(plan, recipe: recipe).text()
      try waiting.add(
        AtomicFile.holding(
          Array(card.utf8), to: "\(path)/\(ModelCard.fileName)", via: work))
    }
    if plan.layout.index != nil {
      try names.willName(namedShards)
      try shards.publish(in: path)
    }
    completing(&report)
    report.fillExplanation()
    try waiting.add(report.file(to: "\(path)/\(RunFile.report)", via: work))
    try waiting.publish()
    if let index = plan.layout.index {
      let file = try AtomicFile.holding(
        index, to: "\(path)/\(ShardLayout.indexFileName)", via: work)
      try AtomicFile.publish([file], noting: names)
    } else {
      try shards.publish(in: path)
    }
  }

  /// Whether somebody put a card there.
  private func hasCard(_ own: OutputNames) throws -> Bool {
    try FileStatus.of("\(path)/\(ModelCard.fileName)", followingLinks: false) != nil
      && !own.isOurs(ModelCard.fileName)
  }

  /// Where the shards are, and the names that they get.
  private var namedShards: [(path: String, name: String)] {
    plan.layout.shards.map { ("\(work)/\($0.fileName)", $0.fileName) }
  }

  /// Copies config, tokenizer and other small files of the base.
  private func sideFiles(noting own: OutputNames) throws -> WaitingFiles {
    // The only shard comes last, but is noted with the others: one wait less.
    var files = WaitingFiles(own: own, notedToo: plan.layout.index == nil ? namedShards : [])
    if let config = plan.config {
      try files.add(AtomicFile.holding(config, to: "\(path)/config.json", via: work))
    }
    for file in plan.companions.files where file.name != "config.json" {
      let via = Directory.parent(of: "\(work)/\(file.name)")
      if file.name.contains("/") {
        try Directory.create(via)
        try Directory.create(Directory.parent(of: "\(path)/\(file.name)"))
      }
      let place = "\(path)/\(file.name)"
      let copy =
        if let change = file.change {
          try AtomicFile.holding(change.file(file.name, from: file.source), to: place, via: via)
        } else {
          try AtomicFile.copying(file.source, to: place, via: via)
        }
      try files.add(copy, as: file.name)
    }
    return files
  }
}

/// Small files that get their names together: the disk is waited for once in a while, not for each.
private struct WaitingFiles {
  /// Each is an open file, and its bytes are dirty pages.
  private static let countLimit = 32
  private static let byteLimit = 32 << 20

  let own: OutputNames
  /// What is noted with the first of them.
  private var notedToo: [(path: String, name: String)] = []
  /// The names of all files so far.
  private(set) var names: [String] = []
  private var files: [AtomicFile] = []
  private var byteCount = 0

  init(own: OutputNames, notedToo: [(path: String, name: String)]) {
    self.own = own
    self.notedToo = notedToo
  }

  mutating func add(_ file: AtomicFile, as name: String? = nil) throws {
    names.append(name ?? Directory.name(of: file.path))
    files.append(file)
    byteCount += file.byteCount
    if files.count >= WaitingFiles.countLimit || byteCount >= WaitingFiles.byteLimit {
      try publish()
    }
  }

  mutating func publish() throws {
    try AtomicFile.publish(files, noting: own, and: notedToo)
    notedToo = []
    files = []
    byteCount = 0
  }
}

extension OutputDirectory {
  /// Takes finished names back from a model that turned out not to be what was written.
  func takeBack(_ names: OutputNames) throws {
    for name in [ShardLayout.indexFileName, RunFile.report] where try names.isOurs(name) {
      try Directory.removeFile("\(path)/\(name)")
    }
    for shard in plan.layout.shards {
      let name = "\(path)/\(shard.fileName)"
      guard try FileStatus.of(name, followingLinks: false) != nil else { continue }
      guard try names.isOurs(shard.fileName) else {
        throw PipelineError.outputExists(path, found: [shard.fileName])
      }
      try OutputFile.rename(name, to: "\(work)/\(shard.fileName)")
    }
  }
}
