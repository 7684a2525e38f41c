internal import SluiceCore
internal import SluiceFormats
internal import SluiceMethods
internal import SluicePlan
internal import SluiceRecipe

/// The output of a run and, inside it, the work directory with everything that is unfinished.
///
///     OUT/.sluice/lock            held by the process that is at work
///     OUT/.sluice/manifest.json   what the run is; written first, removed last
///     OUT/.sluice/journal         what of it is finished
///     OUT/.sluice/...             data of the run
struct RunDirectory {
  static let manifestName = "manifest.json"
  static let journalName = "journal"

  let path: String
  let work: String
  let manifest: Manifest
  let lock: RunLock
  /// Which finished names are the run's own.
  let names: OutputNames
  /// Keep calls on paths in the two directories where they belong.
  private let held: (output: OwnedDirectory, work: OwnedDirectory)
  /// Whether an earlier attempt left anything.
  private(set) var isResumed = false
  private let existedBefore: Bool

  func workPath(_ name: String) -> String { "\(work)/\(name)" }

  /// The spill of this attempt, if it lies in another directory.
  private let spillElsewhere: String?

  /// The file that names a spill elsewhere, so that it can be removed with the rest.
  static let spillPlaceName = "spill-place"

  /// What names the file of the spill in the journal.
  ///
  /// - Parameter plan: The plan of the run.
  /// - Returns: Its path; in the work directory, which may be moved, only its name.
  func spillPlace(of plan: TensorPlan) -> String {
    RunDirectory.spillElsewhere(plan.options, manifest) ?? RunFile.spill
  }

  private static func spillElsewhere(_ options: RunOptions, _ manifest: Manifest) -> String? {
    options.spillDirectory.map {
      "\(Directory.absolute($0))/\(spillName(of: manifest.identity))"
    }
  }

  /// The name of a run's spill in another directory: the same for each attempt, so that none is left when
  /// the note of it is lost.
  private static func spillName(of identity: Hash128) -> String {
    "sluice-\(identity.hexadecimal.prefix(16)).spill"
  }

  /// What a note of a spill has that was made in this very work directory: one that came from elsewhere
  /// removes nothing.
  ///
  /// Where a directory was copied, its spill is the one that the command names.
  private var spillMark: String {
    Hash128(of: Array("spill \(held.work.inode)".utf8)).hexadecimal
  }

  /// Where the spill is: in the work directory, or in another with a name that is the run's own.
  func spillPath(of plan: TensorPlan) throws -> String {
    guard let other = plan.options.spillDirectory else {
      return workPath(RunFile.spill)
    }
    try Directory.create(other)
    let path = spillPlace(of: plan)
    try removeOtherSpills(than: path)
    try AtomicFile.write(
      Array("\(spillMark)\n\(path)".utf8), to: workPath(RunDirectory.spillPlaceName), via: work)
    return path
  }

  /// Removes the spills that lie in another directory: the one that is noted, and the one of this attempt,
  /// whose name no other run gives.
  private func removeOtherSpills(than kept: String? = nil) throws {
    for path in Set([try notedSpill(), spillElsewhere].compactMap { $0 }) where path != kept {
      try Directory.removeFile(path)
      // The note of it goes next; one that came back after a loss of power would be nobody's.
      let directory = Directory.parent(of: path)
      if try FileStatus.of(directory) != nil { try Directory.syncIfAllowed(directory) }
    }
  }

  /// The spill that is noted, if it was noted here.
  private func notedSpill() throws -> String? {
    let place = workPath(RunDirectory.spillPlaceName)
    guard try FileStatus.of(place) != nil else { return nil }
    let note = String(
      decoding: try InputFile.contents(of: place, byteLimit: 1 << 16), as: UTF8.self)
    let lines = note.split(separator: "\n", maxSplits: 1)
    guard lines.count == 2, lines[0] == spillMark else { return nil }
    let path = String(lines[1])
    // Nothing but what `spillPath` named is removed: the spill of the run whose manifest this is.
    guard case .manifest(let earlier) = try Manifest.read(workPath(RunDirectory.manifestName)),
      Directory.name(of: path) == RunDirectory.spillName(of: earlier.identity)
    else { return nil }
    return path
  }

  /// Makes the directories where they are missing, and locks them.
  ///
  /// - Parameters:
  ///   - path: The output.
  ///   - manifest: What the run is.
  ///   - options: How it is run: where its spill lies.
  ///   - work: The work directory, if it is not the usual one in the output; the output itself for an
  ///     attempt, which nobody goes on with after a loss of power.
  /// - Throws: If the directories cannot be made or are in use, or the work is a link.
  init(
    locking path: String, manifest: Manifest, _ options: RunOptions, work: String? = nil
  ) throws {
    self.path = path
    self.manifest = manifest
    spillElsewhere = RunDirectory.spillElsewhere(options, manifest)
    let work = work ?? "\(path)/\(RunFile.workDirectory)"
    self.work = work
    existedBefore = try FileStatus.of(path) != nil
    // What it holds is thrown away at the end: of a directory elsewhere that would be a loss.
    if try FileStatus.of(work, followingLinks: false)?.kind == .symbolicLink {
      throw PipelineError.linkedWork(work)
    }
    let isThere = try FileStatus.of(work) != nil
    let output = try OwnedDirectory(path, .users)
    held = (output, try OwnedDirectory(work, .runs))
    if work != path {
      // An earlier attempt may have been killed between making a directory and waiting for its name.
      try Directory.syncIfAllowed(Directory.parent(of: path))
      if isThere { try Directory.sync(path) }
    }
    lock = try RunLock(in: work, output: path)
    names = try OutputNames(output: path, work: work)
  }

  /// Opens the journal of the run, or begins a new one.
  ///
  /// - Parameters:
  ///   - check: How inputs are compared with those of earlier attempts.
  ///   - apply: Called for every record, in order.
  /// - Returns: The journal's file, cut off after its last whole record.
  /// - Throws: `PipelineError` if the work directory belongs to another run.
  mutating func openJournal(
    _ check: InputCheck = .change, _ apply: (JournalRecord) -> Void
  ) throws -> WorkFile {
    switch try Manifest.read(workPath(RunDirectory.manifestName)) {
    case .missing:
      // Nothing was begun, or all but nothing was removed again.
      try clear()
      // The journal waits for both names; one without the other would only be begun anew.
      try AtomicFile.holding(
        manifest.json, to: workPath(RunDirectory.manifestName), via: work
      ).publish(waitsForName: false)
      return try newJournal()
    case .otherVersion(let version): throw PipelineError.otherManifestVersion(path, version)
    case .manifest(let earlier):
      let differences = manifest.differences(from: earlier)
      guard differences.isEmpty else { throw PipelineError.otherRun(path, differences) }
      let changed = manifest.changedInputs(since: earlier, check)
      guard changed.isEmpty else { throw PipelineError.changedInputs(path, changed) }
    }
    guard let file = try WorkFile.open(at: workPath(RunDirectory.journalName)) else {
      return try newJournal()
    }
    var reader = try JournalReader(file)
    switch reader.header {
    case .missing: return try newJournal()
    case .valid(manifest.identity): break
    case .foreign, .valid: throw PipelineError.foreignJournal(file.path)
    }
    try removePartialFiles()
    while let record = try reader.next() {
      isResumed = true
      apply(record)
    }
    try file.truncate(to: reader.validByteCount)
    return file
  }

  /// Throws the work of earlier attempts away, with their files that already had finished names.
  ///
  /// - Throws: `FormatError` if something cannot be removed.
  func startOver() throws {
    try names.removeAll()
    try clear()
  }

  /// Removes everything that was only needed during the run, in an order in which it can be
  /// interrupted.
  func finish() throws {
    try clear()
    try Directory.remove(work)
    try Directory.sync(path)
  }

  /// Removes what this attempt made, if nothing in it can be of use again.
  func abandon() {
    try? finish()
    guard !existedBefore, let left = try? Directory.list(path), left.isEmpty else { return }
    try? Directory.remove(path)
  }

  /// Removes what a killed attempt was about to give a name: nobody goes on with such files, and a disk
  /// may be short of space.
  private func removePartialFiles() throws {
    for entry in try Directory.list(work)
    where entry.name.hasPrefix(".") && entry.name.hasSuffix(".partial") {
      try Directory.removeFile(workPath(entry.name))
    }
  }

  private func newJournal() throws -> WorkFile {
    let file = try Journal.createFile(
      at: workPath(RunDirectory.journalName), manifest: manifest.identity)
    try Directory.sync(work)
    return file
  }

  /// Empties the work directory: the manifest last but for the lock, which stays.
  private func clear() throws {
    try removeOtherSpills()
    let names = try Directory.list(work).map(\.name).filter {
      $0 != RunLock.fileName && $0 != RunDirectory.manifestName
    }
    for name in names { try Directory.remove(workPath(name)) }
    try Directory.remove(workPath(RunDirectory.manifestName))
  }
}
