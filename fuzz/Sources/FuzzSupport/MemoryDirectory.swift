import Glibc

/// A directory that lies in memory, for readers that take one; it is gone when the process ends
/// in order.
public final class MemoryDirectory {
  /// The path.
  public let path: String
  private var files: [String: Int32] = [:]

  /// Makes a directory.
  ///
  /// - Parameter directories: What to make in it, from the outside in.
  public init(_ directories: [String] = []) {
    var name = Array("/dev/shm/sluice-fuzz-XXXXXX".utf8CString)
    precondition(mkdtemp(&name) != nil, "no directory in memory")
    path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    for directory in directories { precondition(mkdir("\(path)/\(directory)", 0o700) == 0) }
    MemoryDirectory.made.append(path)
    guard MemoryDirectory.made.count == 1 else { return }
    // No other file lies in one than those that `fill` made.
    atexit { for path in MemoryDirectory.made { MemoryDirectory.remove(path) } }
  }

  /// libFuzzer calls from one thread.
  nonisolated(unsafe) private static var made: [String] = []

  private static func remove(_ path: String) {
    guard let directory = opendir(path) else { return }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard name != ".", name != ".." else { continue }
      if entry.pointee.d_type == DT_DIR { remove("\(path)/\(name)") }
      unlink("\(path)/\(name)")
    }
    closedir(directory)
    rmdir(path)
  }

  /// Replaces the content of a file.
  ///
  /// - Parameters:
  ///   - name: Its name.
  ///   - bytes: The new content.
  public func fill(_ name: String, _ bytes: UnsafeRawBufferPointer) {
    let file = files[name] ?? open("\(path)/\(name)", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    precondition(file >= 0, "no file in memory")
    files[name] = file
    precondition(ftruncate(file, 0) == 0)
    precondition(pwrite(file, bytes.baseAddress, bytes.count, 0) == bytes.count)
  }
}
