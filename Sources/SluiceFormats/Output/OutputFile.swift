internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
internal import Synchronization

/// A file of known length that is written in any order, from any thread, under a temporary path,
/// and gets its own name only when it is complete and on the disk.
///
/// Large aligned writes go around the page cache where the file system can do that: they cost much
/// less processor time and leave nothing for the final sync. All others go through the
/// cache, followed by the write-back of what lies after, so that dirty pages do not pile up.
package final class OutputFile: Sendable {
  /// The temporary path.
  package let path: String
  /// The length.
  package let byteCount: Int

  let descriptor: Int32
  /// What writes around the page cache, if anything may.
  let direct: DirectAccess?
  let isClosed = Atomic<Bool>(false)
  let writeBack = WriteBack()
  /// Held while bytes are written between others that stay as they are.
  let mixing = MixingLocks()

  private init(path: String, byteCount: Int, descriptor: Int32, isDirect: Bool) {
    self.path = path
    self.byteCount = byteCount
    self.descriptor = descriptor
    direct = isDirect ? DirectAccess(isWriting: true) : nil
  }

  deinit { close() }

  /// Makes a new file, with its whole space reserved and the permissions that the umask leaves.
  ///
  /// - Parameters:
  ///   - path: The temporary path; a file that a stopped run left there is removed first.
  ///   - byteCount: The length.
  ///   - isDirect: Whether aligned writes may go around the page cache.
  /// - Returns: The open file, reading as zeros.
  /// - Throws: If it cannot be made or the disk has not enough space; then no file is left.
  package static func create(
    at path: String, byteCount: Int, isDirect: Bool = true
  ) throws(FormatError) -> OutputFile {
    try Directory.removeFile(path)
    let descriptor = try createFile(at: path, O_RDWR | O_EXCL)
    let file = OutputFile(
      path: path, byteCount: byteCount, descriptor: descriptor, isDirect: isDirect)
    do throws(FormatError) {
      try file.allocate()
    } catch {
      file.discard()
      throw error
    }
    return file
  }

  /// Opens the file that a stopped run left, with what was written so far.
  ///
  /// - Parameters:
  ///   - path: The temporary path.
  ///   - byteCount: The length that it must have.
  ///   - isDirect: Whether aligned writes may go around the page cache.
  /// - Returns: The open file, or nil if there is none of that length.
  /// - Throws: If it is there but cannot be opened.
  package static func reopen(
    at path: String, byteCount: Int, isDirect: Bool = true
  ) throws(FormatError) -> OutputFile? {
    guard let status = try FileStatus.of(path, followingLinks: false),
      status.kind == .regularFile, status.byteCount == byteCount
    else { return nil }
    // Safety: the path is a C string for the length of the call.
    let descriptor = callSystem(at: path) { unsafe openat($0, $1, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }
    guard descriptor >= 0 else { throw .open(path, errno: errno) }
    return OutputFile(path: path, byteCount: byteCount, descriptor: descriptor, isDirect: isDirect)
  }

  /// Reads bytes back, for checking work that was done before a stop.
  ///
  /// - Parameters:
  ///   - buffer: Where to put the bytes.
  ///   - offset: Where in the file; all bytes must lie inside it.
  /// - Throws: If the disk reports an error.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(FormatError) {
    precondition(!isClosed.load(ordering: .acquiring), "a read from a closed file")
    try unsafe readFully(descriptor, into: buffer, at: offset, path: path)
  }

  /// Waits until everything written so far is on the disk, so that a journal may say so.
  ///
  /// - Throws: If the disk reports an error, possibly of an earlier write.
  package func sync() throws(FormatError) {
    precondition(!isClosed.load(ordering: .acquiring), "a sync of a closed file")
    try syncFile(descriptor, path: path)
  }

  /// Waits until everything is on the disk and closes the file, under its temporary path.
  ///
  /// - Throws: If the disk reports an error, possibly of an earlier write.
  package func finish() throws(FormatError) {
    guard !isClosed.load(ordering: .acquiring) else { return }
    try syncFile(descriptor, path: path, includesTimes: true)
    close()
  }

  /// Finishes the file and gives it its name, in place of what had it before.
  ///
  /// - Parameter target: The path; on the same file system as the temporary one.
  /// - Throws: If the disk reports an error; then the name is as it was.
  package func publish(to target: String) throws(FormatError) {
    try finish()
    try OutputFile.rename(path, to: target)
  }

  /// Closes the file and removes it.
  package func discard() {
    close()
    try? Directory.removeFile(path)
  }

  /// Renames a file that is on the disk and waits until its name is, too.
  ///
  /// - Parameters:
  ///   - path: The path that it has.
  ///   - target: The path that it gets, on the same file system, in place of what had it before.
  /// - Throws: If the disk reports an error; then the name is as it was.
  package static func rename(_ path: String, to target: String) throws(FormatError) {
    try Directory.move(path, to: target)
    try Directory.sync(Directory.parent(of: target))
  }

  private func close() {
    guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
    direct?.close()
    Glibc.close(descriptor)
  }
}

extension OutputFile {
  /// Reserves the space, so that a full disk shows now and not after hours.
  private func allocate() throws(FormatError) {
    // Looked at first, since a reservation that fails may take all that is left before it does.
    let free = try FileSystem.freeByteCount(at: Directory.parent(of: path))
    guard free >= byteCount else { throw noSpace(ENOSPC, free) }
    let number = FileCalls.perform(.reserve, path) {
      let number = sluice_allocate(descriptor, Int64(byteCount))
      guard number == EOPNOTSUPP || number == ENOSYS || number == EINVAL else { return number }
      return ftruncate(descriptor, off_t(byteCount)) == 0 ? 0 : errno
    }
    switch number {
    case 0: return
    case ENOSPC, EDQUOT: throw noSpace(number, free)
    default: throw .system("cannot reserve \(byteCount) bytes", errno: number, file: path)
    }
  }

  private func noSpace(_ number: Int32, _ free: Int) -> FormatError {
    .system(
      "\(byteCount) bytes needed, \(free) free", errno: number, file: path,
      remedy: "free space or choose another --out, then start the same command again")
  }
}
