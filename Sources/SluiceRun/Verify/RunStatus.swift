internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// How far the run in an output directory is; found out without getting in its way.
package struct RunStatus: Sendable, Hashable {
  /// What is in the directory.
  package enum State: Sendable, Hashable {
    /// A merged model, complete.
    case finished
    /// An unfinished run that nobody works on.
    case stopped
    /// A run that a process is at work on.
    case running(holder: String)
  }

  /// The finished units of one kind.
  package struct Phase: Sendable, Hashable {
    /// The kind of the units.
    package let name: String
    /// How many are finished.
    package internal(set) var units = 0
    /// How many there are, if the manifest says.
    package let totalUnits: Int?
    /// The bytes that were read and written for the finished ones.
    package internal(set) var byteCount = 0
    /// The bytes to read and write for all, if the manifest says.
    package let totalByteCount: Int?
  }

  /// What is in the directory.
  package let state: State
  /// The kinds of work, in the order in which they come.
  package private(set) var phases: [Phase] = []
  /// Whether all is done but for the finished names.
  package private(set) var isPublishing = false
  /// How often the run was begun or gone on with.
  package private(set) var attempts = 0
  /// The seconds that all attempts took, as far as they were recorded.
  package private(set) var seconds = 0.0
  /// What the manifest notes about the run.
  package private(set) var notes: [Manifest.Entry] = []

  /// Looks at an output directory.
  ///
  /// - Parameter path: The directory.
  /// - Throws: `PipelineError` if there is no run in it, `FormatError` if it cannot be read.
  package init(of path: String) throws {
    let work = "\(path)/\(RunFile.workDirectory)"
    guard case .manifest(let manifest) = try Manifest.read("\(work)/\(RunDirectory.manifestName)")
    else {
      guard try FileStatus.of("\(path)/\(RunFile.report)") != nil else {
        throw PipelineError.noRun(path)
      }
      state = .finished
      return
    }
    notes = manifest.notes
    state = RunLock.holder(in: work).map { .running(holder: $0) } ?? .stopped
    guard
      let file = try WorkFile.open(at: "\(work)/\(RunDirectory.journalName)", isReadOnly: true)
    else { return }
    try read(try JournalReader(file), manifest)
  }

  private mutating func read(_ journal: JournalReader, _ manifest: Manifest) throws {
    var journal = journal
    var finished: [UnitKind: [Int: Int]] = [:]
    var costs: [Int: RunCosts] = [:]
    while let record = try journal.next() {
      let key = record.key
      switch key.kind {
      case .attempt: costs[key.ordinal] = RunCosts(encoded: record.body)
      case .publish: isPublishing = true
      // They go with the record of their strip, which counts.
      case .changes: continue
      case .undone:
        guard let kind = record.undoneKind.map({ UnitKind(rawValue: $0) }) else { continue }
        finished[kind]?[key.ordinal] = nil
        if kind == .publish { isPublishing = false }
      case let kind where finished[kind] == nil && finished.count == RunStatus.kindLimit: continue
      default: finished[key.kind, default: [:]][key.ordinal] = record.workByteCount
      }
    }
    attempts = (costs.keys.max() ?? -1) + 1
    seconds = costs.values.reduce(0) { $0 + $1.seconds }
    // The kinds that the manifest announces, in its order, then others that the journal holds.
    let announced = manifest.notes.lazy.compactMap { RunStatus.announcedKind($0.name) }
      .prefix(RunStatus.kindLimit)
    let others = finished.keys.filter { !announced.contains($0) }
      .sorted { $0.rawValue < $1.rawValue }
    phases = (announced + others).map { kind in
      let units = finished[kind] ?? [:]
      return Phase(
        name: kind.rawValue, units: units.count,
        totalUnits: RunStatus.count(manifest, "\(kind.rawValue).units"),
        byteCount: units.values.reduce(0) { $0.addingUpToLimit($1) },
        totalByteCount: RunStatus.count(manifest, "\(kind.rawValue).bytes"))
    }
  }

  /// More kinds of work than any run has; further ones are not shown.
  private static let kindLimit = 64

  /// The kind of work whose units a note of this name counts.
  private static func announcedKind(_ note: String) -> UnitKind? {
    guard note.hasSuffix(".units") else { return nil }
    let name = note.dropLast(6)
    return (1...255).contains(name.utf8.count) ? UnitKind(rawValue: String(name)) : nil
  }

  /// A note that is a number and not negative.
  private static func count(_ manifest: Manifest, _ note: String) -> Int? {
    manifest.note(note).flatMap { Int($0) }.flatMap { $0 < 0 ? nil : $0 }
  }
}

extension PipelineError {
  static func noRun(_ path: String) -> PipelineError {
    PipelineError.badInput(
      "there is no run of sluice in it", file: path, remedy: "Give the --out of a merge.")
  }
}
