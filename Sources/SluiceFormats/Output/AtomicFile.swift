internal import CSluiceSystem
internal import Glibc
internal import SluiceCore

/// A file that is written from front to back and appears under its name only when it is complete
/// and on the disk: reports, indexes, copies of small files.
///
/// Used by one thread at a time.
package final class AtomicFile {
  /// The path that the file is going to have.
  package let path: String
  /// How many bytes have been written.
  package private(set) var byteCount = 0

  /// Where it is until then.
  package var unfinishedPath: String { temporaryPath }

  private let temporaryPath: String
  private var descriptor: Int32
  /// How many bytes are on their way to the disk.
  private var begunByteCount = 0

  /// Of a long file the disk is given so much at a time: there is less to wait for in the end.
  private static let begunAtOnce = 1 << 20

  /// Starts a file beside its path, with the permissions that the umask leaves.
  ///
  /// - Parameters:
  ///   - path: The path that it is going to have.
  ///   - directory: Where it is kept until then, on the same file system; beside its path if nil.
  /// - Throws: If no file can be made there.
  package init(to path: String, via directory: String? = nil) throws(FormatError) {
    self.path = path
    temporaryPath =
      "\(directory ?? Directory.parent(of: path))/.\(Directory.name(of: path)).\(getpid()).partial"
    try Directory.removeFile(temporaryPath)
    descriptor = try createFile(at: temporaryPath, O_WRONLY | O_EXCL)
  }

  deinit { discard() }

  /// Writes bytes after those written so far.
  package func append(_ bytes: [UInt8]) throws(FormatError) {
    // Safety: bytes have no padding.
    try append(unsafe bytes.span.bytes)
  }

  /// Writes bytes after those written so far.
  package func append(_ bytes: RawSpan) throws(FormatError) {
    let count = bytes.byteCount
    // Safety: the bytes are used inside the closure only.
    let number = unsafe bytes.withUnsafeBytes {
      unsafe writeFully(descriptor, $0, at: byteCount, path: temporaryPath)
    }
    guard number == 0 else {
      throw .write(path, range: byteCount..<byteCount + count, errno: number)
    }
    byteCount += count
    if byteCount - begunByteCount >= AtomicFile.begunAtOnce { beginWriting() }
  }

  /// Has the disk begin with what it was not given yet; only advice.
  private func beginWriting() {
    _ = sluice_start_writeback(
      descriptor, Int64(begunByteCount), Int64(byteCount - begunByteCount))
    begunByteCount = byteCount
  }

  /// Waits until the bytes are on the disk and gives the file its name, in place of what had it.
  ///
  /// - Parameter waitsForName: Whether the name is waited for, too; if not, a power failure may undo
  ///   it until the directory is synced.
  /// - Throws: If the disk reports an error; then the name is as it was.
  package func publish(waitsForName: Bool = true) throws(FormatError) {
    try AtomicFile.rename([self])
    if waitsForName { try Directory.sync(Directory.parent(of: path)) }
  }

  /// Gives several files their names, once all of them are on the disk.
  ///
  /// A power failure may leave some of the names and not others until this returns. It waits once
  /// for each directory, and the disk is given all files before it is waited for, so that many small
  /// files take little longer than one.
  ///
  /// - Parameter files: The files, of which none was published or discarded.
  /// - Throws: If the disk reports an error; then the names from the one that failed on are as they
  ///   were.
  package static func publish(_ files: [AtomicFile]) throws(FormatError) {
    try rename(files)
    for directory in Set(files.map { Directory.parent(of: $0.path) }).sorted() {
      try Directory.sync(directory)
    }
  }

  /// Waits until the bytes of all files are on the disk, then renames them.
  private static func rename(_ files: [AtomicFile]) throws(FormatError) {
    do throws(FormatError) {
      if files.count > 1 {
        // Only advice: what does not begin now is waited for below all the same.
        for file in files { file.beginWriting() }
      }
      for file in files { try file.finish() }
      for file in files { try Directory.move(file.temporaryPath, to: file.path) }
    } catch {
      for file in files { try? Directory.removeFile(file.temporaryPath) }
      throw error
    }
  }

  /// Waits until the bytes are on the disk.
  private func finish() throws(FormatError) {
    precondition(descriptor >= 0, "a file that was published or discarded")
    try syncFile(descriptor, path: temporaryPath, includesTimes: true)
    close(descriptor)
    descriptor = -1
  }

  /// Gives up: what was written is removed, and the name is as it was.
  package func discard() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    try? Directory.removeFile(temporaryPath)
  }

  /// Writes a file that is in memory.
  ///
  /// - Parameters:
  ///   - bytes: The content.
  ///   - path: The path.
  ///   - directory: Where it is kept until it is complete; beside its path if nil.
  /// - Throws: If the disk is full or reports an error; then the name is as it was.
  package static func write(
    _ bytes: [UInt8], to path: String, via directory: String? = nil
  ) throws(FormatError) {
    try holding(bytes, to: path, via: directory).publish()
  }

  /// Starts a file that is in memory, with all of its bytes.
  ///
  /// - Parameters:
  ///   - bytes: The content.
  ///   - path: The path that it is going to have.
  ///   - directory: Where it is kept until then; beside its path if nil.
  /// - Returns: The file, which has not been published.
  /// - Throws: If the disk is full or reports an error.
  package static func holding(
    _ bytes: [UInt8], to path: String, via directory: String? = nil
  ) throws(FormatError) -> AtomicFile {
    let file = try AtomicFile(to: path, via: directory)
    try file.append(bytes)
    return file
  }

  /// Copies a file's content; permissions are those that the umask leaves.
  ///
  /// - Parameters:
  ///   - source: The path of the file to copy; links are followed.
  ///   - path: The path of the copy.
  ///   - directory: Where it is kept until it is complete; beside its path if nil.
  ///   - waits: Whether it is waited for; if not, a power failure may leave less of it.
  /// - Returns: The number of bytes copied.
  /// - Throws: If the source cannot be read or the copy not be written.
  @discardableResult
  package static func copy(
    _ source: String, to path: String, via directory: String? = nil, waits: Bool = true
  ) throws(FormatError) -> Int {
    let file = try copying(source, to: path, via: directory)
    if waits { try file.publish() } else { try Directory.move(file.temporaryPath, to: path) }
    return file.byteCount
  }

  /// Starts a file that is a copy of another, with all of its bytes.
  ///
  /// - Parameters:
  ///   - source: The path of the file to copy; links are followed.
  ///   - path: The path that the copy is going to have.
  ///   - directory: Where it is kept until then; beside its path if nil.
  /// - Returns: The copy, which has not been published.
  /// - Throws: If the source cannot be read or the copy not be written.
  package static func copying(
    _ source: String, to path: String, via directory: String? = nil
  ) throws(FormatError) -> AtomicFile {
    let input = try InputFile.open(source)
    let file = try AtomicFile(to: path, via: directory)
    while file.byteCount < input.byteCount {
      let end = min(file.byteCount + (1 << 20), input.byteCount)
      try file.append(try input.bytes(in: file.byteCount..<end))
    }
    return file
  }
}
