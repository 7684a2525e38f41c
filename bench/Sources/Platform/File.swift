import Glibc

/// An open file, closed when the last reference to it goes away.
public final class File: Sendable {
  /// The path it was opened by, for messages.
  public let path: String
  /// The descriptor.
  public let descriptor: CInt

  /// Opens a file.
  /// - Parameters:
  ///   - path: where it is.
  ///   - flags: as for `open(2)`; `O_CLOEXEC` is added.
  /// - Throws: `BenchFailure` when it cannot be opened.
  public init(_ path: String, _ flags: CInt) throws {
    let descriptor = open(path, flags | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw BenchFailure.system("open", path) }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// The size in bytes.
  /// - Returns: what `fstat(2)` says.
  /// - Throws: `BenchFailure` when the call fails.
  public func size() throws -> Int {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw BenchFailure.system("fstat", path) }
    return Int(status.st_size)
  }

  /// Reads once.
  /// - Parameters:
  ///   - buffer: receives the bytes.
  ///   - offset: where in the file to begin.
  /// - Returns: how many bytes came; 0 at the end of the file.
  /// - Throws: `BenchFailure` when the read fails.
  public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    while true {
      let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
      if count >= 0 { return count }
      guard errno == EINTR else { throw BenchFailure.system("pread", path) }
    }
  }

  /// Writes all of a buffer.
  /// - Parameters:
  ///   - buffer: the bytes.
  ///   - offset: where in the file they go.
  /// - Throws: `BenchFailure` when a write fails.
  public func write(_ buffer: UnsafeRawBufferPointer, at offset: Int) throws {
    guard let start = buffer.baseAddress else { return }
    var done = 0
    while done < buffer.count {
      let count = pwrite(descriptor, start + done, buffer.count - done, off_t(offset + done))
      if count < 0 {
        guard errno == EINTR else { throw BenchFailure.system("pwrite", path) }
        continue
      }
      done += count
    }
  }

  /// Waits until the data is on the device.
  /// - Throws: `BenchFailure` when the device refuses.
  public func synchronize() throws {
    guard fsync(descriptor) == 0 else { throw BenchFailure.system("fsync", path) }
  }

  /// Reads a whole small file, also one of `/proc` or `/sys` that states no size.
  /// - Parameter path: where it is.
  /// - Returns: its bytes.
  /// - Throws: `BenchFailure` when it cannot be opened or read.
  public static func contents(of path: String) throws -> [UInt8] {
    let file = try File(path, O_RDONLY)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = Glibc.read(file.descriptor, &chunk, chunk.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw BenchFailure.system("read", path) }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }

  /// Writes a whole small file in place, as the files of `/sys` want it.
  /// - Parameters:
  ///   - path: where it goes.
  ///   - text: the new content.
  /// - Throws: `BenchFailure` when it cannot be opened or written.
  public static func replace(_ path: String, with text: String) throws {
    let file = try File(path, O_WRONLY | O_CREAT | O_TRUNC)
    var bytes = Array(text.utf8)
    let count = bytes.count
    guard Glibc.write(file.descriptor, &bytes, count) == count else {
      throw BenchFailure.system("write", path)
    }
  }

  /// Writes a whole file under another name first, so that nobody finds half of it.
  /// - Parameters:
  ///   - path: where it goes.
  ///   - text: the new content.
  /// - Throws: `BenchFailure` when it cannot be written.
  public static func replaceWhole(_ path: String, with text: String) throws {
    let partial = path + ".partial"
    let file = try File(partial, O_WRONLY | O_CREAT | O_TRUNC)
    try Array(text.utf8).withUnsafeBytes { try file.write($0, at: 0) }
    guard rename(partial, path) == 0 else { throw BenchFailure.system("rename", path) }
  }
}
