internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import Synchronization

/// Which files of an output are the run's own.
///
/// Before a file gets its finished name, the name and a mark of the file are noted in the work directory.
/// Whatever else has a name of the plan, somebody else put there: it is neither replaced nor removed.
final class OutputNames: Sendable {
  static let fileName = "names"
  private static let byteLimit = 64 << 20

  /// What tells a file from others of its name.
  struct Mark: Sendable, Hashable {
    /// Its number on its disk.
    let inode: UInt64
    /// The hash of its header and samples, of small files of all.
    let content: Hash128
  }

  private struct State {
    /// The marks of files by the bytes of their names: of each attempt one, since a later one may have
    /// noted its file and not renamed it.
    var marks: [[UInt8]: [Mark]] = [:]
    /// The names in the order in which they were given.
    var order: [String] = []
    var file: (WorkFile, byteCount: Int)?

    mutating func add(_ name: String, _ mark: Mark) {
      let key = Array(name.utf8)
      if marks[key] == nil { order.append(name) }
      marks[key, default: []].append(mark)
    }
  }

  private let output: String
  private let work: String
  private let state: Mutex<State>

  /// Reads what earlier attempts noted.
  init(output: String, work: String) throws {
    self.output = output
    self.work = work
    var state = State()
    if let file = try WorkFile.open(at: "\(work)/\(OutputNames.fileName)") {
      let byteCount = min(try file.byteCount(), OutputNames.byteLimit)
      let (notes, end) = OutputNames.read(try file.bytes(in: 0..<byteCount))
      for (name, mark) in notes { state.add(name, mark) }
      state.file = (file, end)
    }
    self.state = Mutex(state)
  }

  /// The name of a path in the output, which may lie in a directory of its own.
  func name(of path: String) -> String { String(path.dropFirst(output.count + 1)) }

  /// Whether a file with this name is there and was put there by this run.
  func isOurs(_ name: String) throws -> Bool {
    guard let marks = state.withLock({ $0.marks[Array(name.utf8)] }),
      let status = try FileStatus.of("\(output)/\(name)", followingLinks: false)
    else { return false }
    guard status.kind == .regularFile else { return false }
    // A shard may have been damaged and is the run's own nevertheless. Small files are known by what is
    // in them: a disk gives numbers again.
    if name.hasSuffix(".safetensors"), marks.contains(where: { $0.inode == status.inode }) {
      return true
    }
    let content = try Fingerprint(of: InputFile.open("\(output)/\(name)")).content
    return marks.contains { $0.content == content }
  }

  /// Notes files that are about to get their names, once it is sure that nobody else's have them.
  ///
  /// - Parameter files: Where each is, and the name that it gets.
  /// - Throws: `PipelineError` with the names that somebody else's files have.
  func willName(_ files: [(path: String, name: String)]) throws {
    var foreign: [String] = []
    var notes: [UInt8] = []
    var added: [(String, Mark)] = []
    for (path, name) in files {
      guard let status = try FileStatus.of(path, followingLinks: false) else { continue }
      let isThere = try FileStatus.of("\(output)/\(name)", followingLinks: false) != nil
      if try isThere && !isOurs(name) { foreign.append(name) }
      let mark = Mark(
        inode: status.inode, content: try Fingerprint(of: InputFile.open(path)).content)
      notes += OutputNames.note(name, mark)
      added.append((name, mark))
    }
    guard foreign.isEmpty else { throw PipelineError.outputExists(output, found: foreign) }
    guard !notes.isEmpty else { return }
    let (file, byteCount) = try state.withLock(\.file) ?? (newFile(), 0)
    try file.write(notes, at: byteCount)
    try file.sync()
    state.withLock { state in
      for (name, mark) in added { state.add(name, mark) }
      state.file = (file, byteCount + notes.count)
    }
  }

  /// Removes the run's own files, the latest first: an index goes before the shards that it names.
  func removeAll() throws {
    for name in state.withLock(\.order).reversed() where try isOurs(name) {
      try Directory.removeFile("\(output)/\(name)")
    }
    try Directory.sync(output)
    state.withLock { $0 = State() }
  }

  private func newFile() throws -> WorkFile {
    let file = try WorkFile.create(at: "\(work)/\(OutputNames.fileName)")
    try Directory.sync(work)
    return file
  }

  /// A note, as it is in the file.
  static func note(_ name: String, _ mark: Mark) -> [UInt8] {
    let bytes = Array(name.utf8)
    var note: [UInt8] = []
    note.append(littleEndian: mark.inode)
    note += mark.content.bytes
    note.append(littleEndian: UInt32(bytes.count))
    note += bytes
    note.append(littleEndian: Hash128(of: note).low)
    return note
  }

  /// Reads notes up to the first that is not whole: the last may have been cut off by a loss of power,
  /// and then its name was not given.
  static func read(_ bytes: [UInt8]) -> (notes: [(name: String, mark: Mark)], byteCount: Int) {
    var reader = ByteReader(bytes)
    var notes: [(name: String, mark: Mark)] = []
    var byteCount = 0
    while let inode = reader.integer(UInt64.self),
      let content = reader.bytes(16).flatMap({ Hash128(bytes: $0) }),
      let length = reader.integer(UInt32.self), let name = reader.bytes(Int(length)),
      let sum = reader.integer(UInt64.self)
    {
      let end = byteCount + 8 + 16 + 4 + name.count
      guard Hash128(of: Array(bytes[byteCount..<end])).low == sum else { break }
      notes.append((String(decoding: name, as: UTF8.self), Mark(inode: inode, content: content)))
      byteCount = end + 8
    }
    return (notes, byteCount)
  }
}

extension AtomicFile {
  /// Gives files their names in an output, unless somebody else's have them.
  static func publish(
    _ files: [AtomicFile], noting names: OutputNames,
    and more: [(path: String, name: String)] = []
  ) throws {
    try names.willName(files.map { ($0.unfinishedPath, names.name(of: $0.path)) } + more)
    try publish(files)
  }
}
