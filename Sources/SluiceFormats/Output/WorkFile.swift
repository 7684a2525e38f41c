internal import Glibc
internal import Synchronization

/// A file of a run's own that grows while the run lasts and is read back: a journal, statistics.
///
/// Any thread may read and write, as long as no two touch the same bytes.
package final class WorkFile: Sendable, DurableData {
  /// The path.
  package let path: String
  private let descriptor: Int32
  private let direct = DirectAccess(isWriting: true)
  let appended = Mutex(Appended())
  /// Where the bytes begin that were added and are in memory only.
  let unwrittenStart = Atomic(Int.max)

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Makes an empty file, in place of what had the name.
  package static func create(at path: String) throws(FormatError) -> WorkFile {
    try Directory.removeFile(path)
    return WorkFile(path: path, descriptor: try createFile(at: path, O_RDWR | O_EXCL))
  }

  /// Makes an empty file that is gone when it is closed.
  ///
  /// - Parameters:
  ///   - directory: Where.
  ///   - name: A name that nobody else uses there.
  /// - Returns: The file.
  /// - Throws: If no file can be made there.
  package static func scratch(in directory: String, name: String) throws(FormatError) -> WorkFile {
    WorkFile(
      path: "\(directory)/\(name)", descriptor: try ScratchFile.open(in: directory, name: name))
  }

  /// Opens a file that an earlier run left.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - isReadOnly: Whether it is only looked at.
  /// - Returns: The open file, or nil if there is none.
  /// - Throws: If it is there but cannot be opened, or is no regular file.
  package static func open(
    at path: String, isReadOnly: Bool = false
  ) throws(FormatError) -> WorkFile? {
    // A pipe must not keep the call waiting for somebody at its other end.
    let flags = (isReadOnly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK
    // Safety: the path is a C string for the length of the call.
    let descriptor = callSystem(at: path) { unsafe openat($0, $1, flags) }
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw .open(path, errno: errno)
    }
    let file = WorkFile(path: path, descriptor: descriptor)
    let kind = try FileStatus.of(descriptor: descriptor, path: path).kind
    guard kind == .regularFile else {
      throw .malformed("expected a regular file, found a \(kind.rawValue)", file: path)
    }
    return file
  }

  /// The length now.
  ///
  /// - Returns: The number of bytes.
  /// - Throws: If the system does not say.
  package func byteCount() throws(FormatError) -> Int {
    try writeAppended()
    return try FileStatus.of(descriptor: descriptor, path: path).byteCount
  }

  /// Writes bytes.
  ///
  /// - Parameters:
  ///   - bytes: What to write.
  ///   - offset: Where in the file.
  /// - Throws: If the disk is full or reports an error; a part may have been written.
  package func write(_ bytes: [UInt8], at offset: Int) throws(FormatError) {
    // Safety: the bytes are used inside the closure only.
    let result = unsafe bytes.withUnsafeBytes { buffer in
      Result { () throws(FormatError) in try unsafe write(buffer, at: offset) }
    }
    try result.get()
  }

  /// Writes bytes.
  ///
  /// - Parameters:
  ///   - bytes: What to write.
  ///   - offset: Where in the file.
  /// - Throws: If the disk is full or reports an error; a part may have been written.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FormatError) {
    let number = unsafe writeFully(descriptor, bytes, at: offset, path: path)
    guard number == 0 else {
      throw .write(path, range: offset..<offset + bytes.count, errno: number)
    }
  }

  /// Writes whole pages, around the page cache if the file system can.
  ///
  /// - Parameters:
  ///   - bytes: What to write: begins on a page, and ends on one.
  ///   - offset: Where in the file: where a page begins.
  /// - Throws: If the disk is full or reports an error; a part may have been written.
  package func writePages(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FormatError) {
    guard try unsafe !direct.write(bytes, at: offset, of: descriptor, path: path) else { return }
    try unsafe write(bytes, at: offset)
  }

  /// The descriptor of the file around the page cache, for bytes that were not added with `append`; nil if it is to be
  /// read in another way.
  package var directDescriptor: Int32? { direct.directDescriptor(of: descriptor) }

  /// Reads a range around the page cache, together with what else lies in its pages.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - buffer: Begins on a page and has room for all pages of the range.
  /// - Returns: Where in the buffer the range begins; nil if it is to be read in another way.
  /// - Throws: If the read fails or the file ends too early.
  package func readDirectly(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) -> Int? {
    try writeAppended(upTo: range.upperBound)
    return try unsafe direct.read(range, into: buffer, of: descriptor, path: path)
  }

  /// Fills a buffer from the file.
  ///
  /// - Parameters:
  ///   - buffer: Where to put the bytes; its length is how many are read.
  ///   - offset: Where in the file to start.
  /// - Throws: If the read fails or the file ends too early.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(FormatError) {
    try writeAppended(upTo: offset + buffer.count)
    try unsafe readFully(descriptor, into: buffer, at: offset, path: path)
  }

  /// Asks the system to begin reading a range.
  package func willNeed(_ range: Range<Int>) { askForPages(of: range, of: descriptor) }

  /// Cuts the file off.
  package func truncate(to byteCount: Int) throws(FormatError) {
    try writeAppended()
    let number = FileCalls.perform(.truncate, path) {
      ftruncate(descriptor, off_t(byteCount)) == 0 ? 0 : errno
    }
    guard number == 0 else { throw .write(path, range: byteCount..<byteCount, errno: number) }
  }

  /// Waits until everything written so far is on the disk.
  ///
  /// - Throws: If the disk reports an error, possibly of an earlier write.
  package func sync() throws(FormatError) {
    try writeAppended()
    try syncFile(descriptor, path: path)
  }
}

/// Something that is written and can be waited for until it is on the disk.
package protocol DurableData: AnyObject, Sendable {
  /// Waits until everything written so far is on the disk.
  ///
  /// - Throws: If the disk reports an error, possibly of an earlier write.
  func sync() throws(FormatError)
}

extension OutputFile: DurableData {}

/// Makes a file with the permissions that the umask leaves.
func createFile(at path: String, _ flags: Int32) throws(FormatError) -> Int32 {
  var descriptor: Int32 = -1
  let number = FileCalls.perform(.create, path) {
    // Safety: the path is a C string for the length of the call.
    descriptor = callSystem(at: path) {
      unsafe openat($0, $1, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    }
    return descriptor >= 0 ? 0 : errno
  }
  guard number == 0 else { throw .create(path, errno: number) }
  return descriptor
}

/// Waits until a file's bytes are on the disk, with all that is needed to find them again.
func syncFile(
  _ descriptor: Int32, path: String, includesTimes: Bool = false
) throws(FormatError) {
  let number = FileCalls.perform(.sync, path) {
    while (includesTimes ? fsync(descriptor) : fdatasync(descriptor)) != 0 {
      if errno != EINTR { return errno }
    }
    return 0
  }
  guard number == 0 else { throw .sync(path, errno: number) }
}
