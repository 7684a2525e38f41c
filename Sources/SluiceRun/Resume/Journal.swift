internal import SluiceCore
package import SluiceDataflow
package import SluiceFormats
internal import SluicePlan
package import SluiceRecipe

/// The append-only list of finished work of a run, written so that whatever it holds is true after a
/// crash at any moment.
///
/// Goals, in this order: a record is on the disk only after the data that it speaks of; a unit that
/// was finished is recorded within about a second; nobody who works waits for the disk. So records
/// are gathered, and a thread of the journal's own commits them in groups: first it waits for the
/// data of all of them, then it appends the records, then it waits for those.
package final class Journal: Sendable {
  fileprivate struct State: Sendable {
    var records: [JournalRecord] = []
    var data: [ObjectIdentifier: any DurableData] = [:]
    var workByteCount = 0
    var deadline: MonotonicTime?
    /// Groups are counted: up to which one somebody waits, and how many were begun and ended.
    var wantedGroups = 0
    var begunGroups = 0
    var endedGroups = 0
    var isClosing = false
    var error: (any Error)?
  }

  private struct Group {
    var records: [JournalRecord]
    var data: [any DurableData]
  }

  private let file: WorkFile
  private let pace: JournalPace
  private let cancellation: Cancellation
  private let costs: @Sendable () -> JournalRecord?
  private let monitor = Monitor(State())
  private let thread = Monitor<NamedThread?>(nil)

  /// Makes the journal of a run and starts its thread; `close` ends it.
  ///
  /// - Parameters:
  ///   - file: The file, with its header and whole records and nothing after them.
  ///   - pace: When a group of records is committed.
  ///   - cancellation: What to cancel when the disk fails.
  ///   - costs: A record to add to each group.
  /// - Throws: `DataflowError` if there is no thread left, `FormatError` if the file cannot be used.
  package init(
    _ file: WorkFile, pace: JournalPace = JournalPace(), cancellation: Cancellation,
    costs: @escaping @Sendable () -> JournalRecord? = { nil }
  ) throws {
    self.file = file
    self.pace = pace
    self.cancellation = cancellation
    self.costs = costs
    let end = try file.byteCount()
    let thread = try NamedThread(name: "journal") { self.work(from: end) }
    self.thread.withLock { $0 = thread }
  }

  /// Makes an empty file for a journal.
  ///
  /// It has its name only once its header is on the disk: what a loss of power would otherwise leave under
  /// that name may be anything, and is then taken for somebody else's.
  ///
  /// - Parameters:
  ///   - path: The path; its directory is for the caller to wait for.
  ///   - manifest: What the journal is of.
  ///   - directory: Where it is kept until then; beside its path if nil.
  /// - Returns: The file.
  /// - Throws: If the disk reports an error.
  package static func createFile(
    at path: String, manifest: Hash128, via directory: String? = nil
  ) throws(FormatError) -> WorkFile {
    try AtomicFile.holding(JournalFormat.header(manifest: manifest), to: path, via: directory)
      .publish(waitsForName: false)
    guard let file = try WorkFile.open(at: path) else {
      throw FormatError(
        Failure(
          .inputOutput, subject: Subject(file: path), message: "the journal is gone at once",
          remedy: "Is something else at work in the directory?"))
    }
    return file
  }

  /// Notes that a unit is finished; returns at once.
  ///
  /// - Parameters:
  ///   - record: The unit.
  ///   - data: What must be on the disk before the record is.
  package func finished(_ record: JournalRecord, in data: (any DurableData)? = nil) {
    finished([record], in: data.map { [$0] } ?? [])
  }

  /// Notes that units are finished; returns at once.
  ///
  /// - Parameters:
  ///   - records: The units.
  ///   - data: All that must be on the disk before the records are.
  package func finished(_ records: [JournalRecord], in data: [any DurableData]) {
    monitor.change(wakingIf: { state in
      guard state.error == nil else { return false }
      state.records += records
      for data in data { state.data[ObjectIdentifier(data)] = data }
      state.workByteCount += records.reduce(0) { $0 + $1.workByteCount }
      // The thread waits for the first of a group, and then for the group to be due.
      let isFirst = state.deadline == nil
      if isFirst { state.deadline = .now.advanced(by: pace.interval) }
      return isFirst || state.isDue(pace)
    })
  }

  /// Waits until everything noted so far is on the disk.
  package func commit() throws {
    let group = monitor.withLock { state in
      // The next group to begin takes everything noted so far.
      state.wantedGroups = state.begunGroups + 1
      return state.wantedGroups
    }
    let error: (any Error)? = monitor.wait { state in
      if let error = state.error { return .some(error) }
      return state.endedGroups >= group ? .some(nil) : nil
    }
    if let error { throw error }
  }

  /// Commits what is left and ends the thread; a second call does nothing.
  package func close() throws {
    monitor.withLock { $0.isClosing = true }
    let thread = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    thread?.join()
    if let error = monitor.withLock({ $0.error }) { throw error }
  }
}

extension Journal {
  /// The journal's thread: commits group after group until the journal is closed or the disk fails.
  private func work(from start: Int) {
    var end = start
    while let group = nextGroup() {
      do {
        end = try commit(group, at: end)
        monitor.withLock { $0.endedGroups = $0.begunGroups }
      } catch {
        cancellation.cancel(error)
        monitor.withLock { $0.error = error }
        return
      }
    }
  }

  /// Waits until a group is due.
  private func nextGroup() -> Group? {
    let deadline: MonotonicTime? = monitor.wait { state in
      if state.isDue(pace) { return .some(nil) }
      return state.deadline.map { .some($0) }
    }
    if let deadline {
      let isDue: Bool? = monitor.wait(before: deadline) { $0.isDue(pace) ? true : nil }
      _ = isDue  // At the deadline the group is due whatever it holds.
    }
    return monitor.withLock { state in
      if state.isClosing, state.records.isEmpty, state.wantedGroups <= state.begunGroups {
        return nil
      }
      state.begunGroups += 1
      defer {
        state.records = []
        state.data = [:]
        state.workByteCount = 0
        state.deadline = nil
      }
      return Group(records: state.records, data: Array(state.data.values))
    }
  }

  private func commit(_ group: Group, at start: Int) throws -> Int {
    guard !group.records.isEmpty else { return start }
    for data in group.data { try data.sync() }
    var tail = FileTail(at: start)
    for record in group.records {
      JournalFormat.append(record, to: &tail.bytes, at: tail.end)
      try tail.writeBlocks(to: file)
    }
    if let costs = costs() { JournalFormat.append(costs, to: &tail.bytes, at: tail.end) }
    try tail.write(to: file)
    try file.sync()
    return tail.end
  }
}

extension Journal.State {
  fileprivate func isDue(_ pace: JournalPace) -> Bool {
    isClosing || wantedGroups > begunGroups || workByteCount >= pace.workByteLimit
      || records.count >= pace.recordLimit
  }
}
