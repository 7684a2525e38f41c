internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// Files of records that are whole when they have their name, in the format of journals
/// (docs/reference/shared-runs.md): the last record says how many there are before it.
enum ShareRecords {
  /// Writes a file.
  ///
  /// - Parameters:
  ///   - records: The records, in an order that depends on nothing but them.
  ///   - path: The path.
  ///   - owner: What they are of.
  ///   - directory: Where the file is kept until it is whole; nobody else uses it.
  /// - Throws: `FormatError` if the disk is full or fails.
  static func write(
    _ records: [JournalRecord], to path: String, of owner: Hash128, via directory: String
  ) throws {
    try file(records, to: path, of: owner, via: directory).publish()
  }

  /// The same, but for the name.
  static func file(
    _ records: [JournalRecord], to path: String, of owner: Hash128, via directory: String
  ) throws -> AtomicFile {
    let file = try AtomicFile.holding(
      JournalFormat.header(manifest: owner), to: path, via: directory)
    for record in records + [JournalRecord(UnitKey(.end, records.count))] {
      try file.append(JournalFormat.encode(record, at: file.byteCount))
    }
    return file
  }

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - owner: What it must be of.
  /// - Returns: The records; nil if there is no file.
  /// - Throws: `PipelineError` if it is of something else or not whole.
  static func read(_ path: String, of owner: Hash128) throws -> [JournalRecord]? {
    var records: [JournalRecord] = []
    return try forEach(in: path, of: owner) { records.append($0) } ? records : nil
  }

  /// Reads a file record by record; whether all of them are there is known at the end only.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - owner: What it must be of.
  ///   - body: Takes a record.
  /// - Returns: Whether there is a file.
  /// - Throws: `PipelineError` if it is of something else or not whole.
  static func forEach(
    in path: String, of owner: Hash128, _ body: (JournalRecord) throws -> Void
  ) throws -> Bool {
    guard let file = try WorkFile.open(at: path, isReadOnly: true) else { return false }
    var reader = try JournalReader(file)
    guard reader.header == .valid(manifest: owner) else {
      throw damaged(path, "it is of another run or share")
    }
    var count = 0
    while let record = try reader.next() {
      guard record.key.kind != .end else {
        guard record.key.ordinal == count else { break }
        return true
      }
      count += 1
      try body(record)
    }
    throw damaged(path, "its records end too early")
  }

  /// Whether a file is there and of what it should be of; what it says is not looked at.
  static func isThere(_ path: String, of owner: Hash128) throws -> Bool {
    guard let file = try WorkFile.open(at: path, isReadOnly: true) else { return false }
    return try JournalReader(file).header == .valid(manifest: owner)
  }

  /// Reads what an attempt has recorded so far; nothing if it has not begun to, or it is no attempt at that.
  static func attempt(
    _ path: String, of owner: Hash128, _ apply: (JournalRecord) throws -> Void
  ) throws {
    let name = "\(path)/\(RunDirectory.journalName)"
    guard let file = try WorkFile.open(at: name, isReadOnly: true) else { return }
    var reader = try JournalReader(file)
    guard reader.header == .valid(manifest: owner) else { return }
    while let record = try reader.next() { try apply(record) }
  }

  static func damaged(_ path: String, _ what: String) -> PipelineError {
    PipelineError.badInput(
      "not what a share leaves: \(what)", file: path,
      remedy: "Remove the file, and do the share again.")
  }
}
