internal import SluiceCore
package import SluiceFormats
internal import Synchronization

/// The shards of the merged model while they are written: under temporary names, in any order of
/// ranges, each made when its first range comes.
///
/// A shard of which an earlier run left some is opened again and filled up.
package final class OutputShards: OutputPlaces {
  private let shards: [OutputShard]
  private let directory: String

  /// Makes the shards of a layout; nothing is written yet.
  ///
  /// - Parameters:
  ///   - layout: The planned files.
  ///   - directory: Where unfinished files are kept.
  ///   - finished: For each shard that an earlier run began, the bytes of tensors in it that are
  ///     finished; its file must be there.
  package init(_ layout: ShardLayout, in directory: String, finished: [Int: Int] = [:]) {
    self.directory = directory
    shards = layout.shards.enumerated().map { ordinal, shard in
      OutputShard(shard, in: directory, finishedByteCount: finished[ordinal])
    }
  }

  /// Opens shards that are there in their full length, since many processes fill them: none is ever made or
  /// removed.
  ///
  /// - Parameters:
  ///   - layout: The planned files.
  ///   - directory: Where they are.
  package init(sharing layout: ShardLayout, in directory: String) {
    self.directory = directory
    shards = layout.shards.map {
      OutputShard($0, in: directory, finishedByteCount: nil, isShared: true)
    }
  }

  /// Makes the shards that many processes are going to fill, each in its full length and with its header,
  /// where they are not there yet.
  ///
  /// - Parameters:
  ///   - layout: The planned files.
  ///   - directory: Where they are made.
  ///   - isElsewhere: Whether a shard has its final name already.
  /// - Throws: `FormatError` if the disk is full or fails; then a shard that is there is whole all the same.
  package static func make(
    _ layout: ShardLayout, in directory: String, unless isElsewhere: (PlannedShard) throws -> Bool
  ) throws {
    for shard in layout.shards where try !isElsewhere(shard) {
      let path = "\(directory)/\(shard.fileName)"
      guard try FileStatus.of(path, followingLinks: false)?.byteCount != shard.byteCount else {
        continue
      }
      let file = try OutputShard.created(shard, at: "\(directory)/.\(shard.fileName).partial")
      try file.publish(to: path)
    }
  }

  /// Writes a range of a shard's tensors.
  ///
  /// - Parameters:
  ///   - bytes: The bytes.
  ///   - shard: The ordinal of the shard.
  ///   - offset: Where they begin in the file.
  ///   - scattering: How they lie from there on, if not one after the other.
  /// - Throws: `FormatError` if the disk is full or fails.
  package func write(
    _ bytes: UnsafeRawBufferPointer, shard: Int, at offset: Int,
    _ scattering: WriteJob.Scattering?
  ) throws(FormatError) {
    try unsafe shards[shard].write(bytes, at: offset, scattering)
  }

  /// The pages between the one with the end of the header and the file's end.
  package func wholePages(of shard: Int) -> Range<Int> { shards[shard].wholePages }

  /// A shard as something to wait for until it is on the disk.
  package func durableData(of shard: Int) -> any DurableData { shards[shard] }

  /// Waits until everything is on the disk, with the headers of shards that hold only empty tensors.
  package func finish() throws(FormatError) {
    for shard in shards {
      try shard.sync()
      precondition(shard.isComplete, "a shard has a hole")
    }
  }

  /// Waits until what was written is on the disk, of shards that others write to, too.
  package func sync() throws(FormatError) {
    for shard in shards where shard.isOpen { try shard.sync() }
  }

  /// Gives every shard its final name, unless it has it already.
  package func publish(in directory: String) throws(FormatError) {
    for shard in shards { try shard.publish(in: directory) }
  }
}

/// One shard while it is written.
final class OutputShard: Sendable, DurableData {
  private struct State {
    var file: OutputFile?
    var missingByteCount: Int
    /// Whether an earlier run made the file.
    var isBegun: Bool
    /// Whether the file's name may still be lost when the power fails.
    var isNameUnsafe = false
    var isClosed = false
  }

  private let plan: PlannedShard
  private let directory: String
  /// Whether other processes fill the file, too: it is there, and what is missing of it nobody here knows.
  private let isShared: Bool
  private let state: Mutex<State>
  /// Held while a sync runs, so that nobody closes the file under it; writers do not need it.
  private let syncing = Mutex(())

  init(
    _ plan: PlannedShard, in directory: String, finishedByteCount: Int?, isShared: Bool = false
  ) {
    self.plan = plan
    self.directory = directory
    self.isShared = isShared
    let missing = plan.byteCount - plan.header.count - (finishedByteCount ?? 0)
    let isBegun = finishedByteCount != nil
    state = Mutex(
      State(missingByteCount: missing, isBegun: isBegun, isClosed: isBegun && missing == 0))
  }

  private var path: String { "\(directory)/\(plan.fileName)" }

  var wholePages: Range<Int> {
    let first = plan.header.count.roundedUp(to: ShardLayout.alignment)
    return first..<max(first, plan.byteCount.roundedDown(to: ShardLayout.alignment))
  }

  /// Whether all tensors' bytes have been written, as far as this process knows.
  var isComplete: Bool { !isShared && state.withLock { $0.missingByteCount == 0 } }

  /// Whether anything was written.
  var isOpen: Bool { state.withLock { $0.file != nil } }

  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, _ scattering: WriteJob.Scattering? = nil
  ) throws(FormatError) {
    if let scattering {
      try unsafe open().write(
        bytes, firstElement: scattering.firstElement, of: scattering.view,
        width: scattering.width, at: offset)
    } else {
      try unsafe open().write(bytes, at: offset)
    }
    state.withLock { $0.missingByteCount -= bytes.count }
  }

  /// Waits until what was written is on the disk, and closes a complete shard.
  func sync() throws(FormatError) {
    let result = syncing.withLock { _ in
      Result { () throws(FormatError) in
        guard !state.withLock({ $0.isClosed }) else { return }
        let file = try open()
        let (isComplete, isNameUnsafe) = (self.isComplete, state.withLock(\.isNameUnsafe))
        if isComplete { try file.finish() } else { try file.sync() }
        if isNameUnsafe { try Directory.sync(directory) }
        state.withLock { state in
          state.isNameUnsafe = false
          if isComplete {
            state.isClosed = true
            state.file = nil
          }
        }
      }
    }
    try result.get()
  }

  func publish(in target: String) throws(FormatError) {
    let final = "\(target)/\(plan.fileName)"
    if try FileStatus.of(path, followingLinks: false) == nil,
      try FileStatus.of(final, followingLinks: false)?.byteCount == plan.byteCount
    {
      return
    }
    try OutputFile.rename(path, to: final)
  }

  private func open() throws(FormatError) -> OutputFile {
    // Two threads may come at the same time; a file is made once.
    let result = state.withLock { state in
      Result { () throws(FormatError) -> OutputFile in
        if let file = state.file { return file }
        let isThere = state.isBegun || isShared
        let file = try isThere ? reopened() : OutputShard.created(plan, at: path)
        state.isNameUnsafe = !isThere
        state.file = file
        state.isBegun = true
        return file
      }
    }
    return try result.get()
  }

  /// Makes the file, with its header.
  static func created(_ plan: PlannedShard, at path: String) throws(FormatError) -> OutputFile {
    let file = try OutputFile.create(at: path, byteCount: plan.byteCount)
    // Safety: the header is used inside the closure only.
    let result = unsafe plan.header.withUnsafeBytes { header in
      Result { () throws(FormatError) in try unsafe file.write(header, at: 0) }
    }
    try result.get()
    return file
  }

  private func reopened() throws(FormatError) -> OutputFile {
    if let file = try OutputFile.reopen(at: path, byteCount: plan.byteCount) { return file }
    guard isShared else {
      preconditionFailure("an unfinished shard went away while its run was locked")
    }
    throw FormatError(
      Failure(
        .stopped, subject: Subject(file: path),
        message: "the file that shares write to is not there in its length",
        remedy: "The run was ended, or the directory is not the one that was prepared."))
  }
}
