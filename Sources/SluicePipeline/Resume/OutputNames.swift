internal import SluiceCore
internal import SluiceFormats
internal import Synchronization

/// Which files of an output are the run's own.
///
/// Before a file gets its finished name, name and number of the file are noted in the work directory.
/// Whatever else has a name of the plan, somebody else put there: it is neither replaced nor removed.
final class OutputNames: Sendable {
  static let fileName = "names"
  private static let byteLimit = 64 << 20

  private struct State {
    /// The numbers of files by the bytes of their names.
    var inodes: [[UInt8]: UInt64] = [:]
    /// The names in the order in which they were given.
    var order: [String] = []
    var file: (WorkFile, byteCount: Int)?

    mutating func add(_ name: String, _ inode: UInt64) {
      if inodes.updateValue(inode, forKey: Array(name.utf8)) == nil { order.append(name) }
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
      var reader = ByteReader(try file.bytes(in: 0..<byteCount))
      var end = 0
      // The last note may have been cut off by a loss of power: then its name was not given.
      while let inode = reader.integer(UInt64.self), let length = reader.integer(UInt32.self),
        let bytes = reader.bytes(Int(length)), let sum = reader.integer(UInt64.self),
        sum == OutputNames.sum(inode, bytes)
      {
        state.add(String(decoding: bytes, as: UTF8.self), inode)
        end += 8 + 4 + bytes.count + 8
      }
      state.file = (file, end)
    }
    self.state = Mutex(state)
  }

  /// Whether a file with this name is there and was put there by this run.
  func isOurs(_ name: String) throws -> Bool {
    guard let inode = state.withLock({ $0.inodes[Array(name.utf8)] }) else { return false }
    return try FileStatus.of("\(output)/\(name)", followingLinks: false)?.inode == inode
  }

  /// Notes files that are about to get their names, once it is sure that nobody else's have them.
  ///
  /// - Parameter files: Where each is, and the name that it gets.
  func willName(_ files: [(path: String, name: String)]) throws {
    var foreign: [String] = []
    var notes: [UInt8] = []
    var added: [(String, UInt64)] = []
    for (path, name) in files {
      guard let status = try FileStatus.of(path, followingLinks: false) else { continue }
      let isThere = try FileStatus.of("\(output)/\(name)", followingLinks: false) != nil
      if try isThere && !isOurs(name) { foreign.append(name) }
      let bytes = Array(name.utf8)
      notes.append(littleEndian: status.inode)
      notes.append(littleEndian: UInt32(bytes.count))
      notes += bytes
      notes.append(littleEndian: OutputNames.sum(status.inode, bytes))
      added.append((name, status.inode))
    }
    guard foreign.isEmpty else { throw PipelineError.outputExists(output, found: foreign) }
    guard !notes.isEmpty else { return }
    let (file, byteCount) = try state.withLock(\.file) ?? (newFile(), 0)
    try file.write(notes, at: byteCount)
    try file.sync()
    state.withLock { state in
      for (name, inode) in added { state.add(name, inode) }
      state.file = (file, byteCount + notes.count)
    }
  }

  /// Removes the run's own files, the latest first: an index goes before the shards that it names.
  func removeAll() throws {
    for name in state.withLock(\.order).reversed() where try isOurs(name) {
      try Directory.removeFile("\(output)/\(name)")
    }
    try Directory.sync(output)
  }

  private func newFile() throws -> WorkFile {
    let file = try WorkFile.create(at: "\(work)/\(OutputNames.fileName)")
    try Directory.sync(work)
    return file
  }

  private static func sum(_ inode: UInt64, _ name: [UInt8]) -> UInt64 {
    var bytes = name
    bytes.append(littleEndian: inode)
    return Hash128(of: bytes).low
  }
}

extension AtomicFile {
  /// Gives files their names in an output, unless somebody else's have them.
  static func publish(
    _ files: [AtomicFile], noting names: OutputNames,
    and more: [(path: String, name: String)] = []
  ) throws {
    try names.willName(files.map { ($0.unfinishedPath, Directory.name(of: $0.path)) } + more)
    try publish(files)
  }
}
