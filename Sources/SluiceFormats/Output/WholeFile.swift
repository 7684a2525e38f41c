internal import Glibc
internal import SluiceCore

/// A file that is written from front to back and appears under its name only when it is complete
/// and on the disk: reports, indexes, copies of small files.
///
/// Used by one thread at a time.
public final class WholeFile {
  /// The path that the file is going to have.
  public let path: String
  /// How many bytes have been written.
  public private(set) var byteCount = 0

  private let temporaryPath: String
  private var descriptor: Int32

  /// Starts a file beside its path, with the permissions that the umask leaves.
  ///
  /// - Parameters:
  ///   - path: The path that it is going to have.
  ///   - directory: Where it is kept until then, on the same file system; beside its path if nil.
  /// - Throws: If no file can be made there.
  public init(to path: String, via directory: String? = nil) throws(FormatError) {
    self.path = path
    temporaryPath =
      "\(directory ?? Directory.parent(of: path))/.\(Directory.name(of: path)).\(getpid()).partial"
    try Directory.removeFile(temporaryPath)
    descriptor = try createFile(at: temporaryPath, O_WRONLY | O_EXCL)
  }

  deinit { discard() }

  /// Writes bytes behind those written so far.
  ///
  /// - Parameter bytes: What to write.
  /// - Throws: If the disk is full or reports an error.
  public func append(_ bytes: [UInt8]) throws(FormatError) {
    // Safety: the bytes are used inside the closure only.
    let number = unsafe bytes.withUnsafeBytes {
      unsafe writeFully(descriptor, $0, at: byteCount, path: temporaryPath)
    }
    guard number == 0 else {
      throw .write(path, range: byteCount..<byteCount + bytes.count, errno: number)
    }
    byteCount += bytes.count
  }

  /// Waits until the bytes are on the disk and gives the file its name, in place of what had it.
  ///
  /// - Throws: If the disk reports an error; then the name is as it was.
  public func publish() throws(FormatError) {
    precondition(descriptor >= 0, "a file that was published or discarded")
    try syncFile(descriptor, path: temporaryPath, includesTimes: true)
    close(descriptor)
    descriptor = -1
    do throws(FormatError) {
      try OutputFile.rename(temporaryPath, to: path)
    } catch {
      try? Directory.removeFile(temporaryPath)
      throw error
    }
  }

  /// Gives up: what was written is removed, and the name is as it was.
  public func discard() {
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
  public static func write(
    _ bytes: [UInt8], to path: String, via directory: String? = nil
  ) throws(FormatError) {
    let file = try WholeFile(to: path, via: directory)
    try file.append(bytes)
    try file.publish()
  }

  /// Copies a file's content; permissions are those that the umask leaves.
  ///
  /// - Parameters:
  ///   - source: The path of the file to copy; links are followed.
  ///   - path: The path of the copy.
  ///   - directory: Where it is kept until it is complete; beside its path if nil.
  /// - Returns: The number of bytes copied.
  /// - Throws: If the source cannot be read or the copy not be written.
  @discardableResult
  public static func copy(
    _ source: String, to path: String, via directory: String? = nil
  ) throws(FormatError) -> Int {
    let input = try InputFile.open(source)
    let file = try WholeFile(to: path, via: directory)
    while file.byteCount < input.byteCount {
      let end = min(file.byteCount + (1 << 20), input.byteCount)
      try file.append(try input.bytes(in: file.byteCount..<end))
    }
    try file.publish()
    return file.byteCount
  }
}
