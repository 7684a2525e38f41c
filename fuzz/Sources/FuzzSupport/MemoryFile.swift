import Glibc

/// A file without a place on a disk, filled anew for each input: readers that take paths are given
/// its name under /proc.
public final class MemoryFile {
  private let descriptor: Int32

  /// The path under which it can be opened.
  public let path: String

  /// Makes an empty file.
  public init() {
    var name = Array("/dev/shm/sluice-fuzz-XXXXXX".utf8CString)
    descriptor = mkstemp(&name)
    precondition(descriptor >= 0, "no file in memory")
    unlink(name)
    path = "/proc/self/fd/\(descriptor)"
  }

  /// Replaces the content.
  ///
  /// - Parameter bytes: The new content.
  public func fill(_ bytes: UnsafeRawBufferPointer) {
    precondition(ftruncate(descriptor, 0) == 0)
    precondition(pwrite(descriptor, bytes.baseAddress, bytes.count, 0) == bytes.count)
  }
}

/// The promise that is fuzzed: an input is read or refused with an error of ours, nothing else.
///
/// - Parameters:
///   - start: The input that libFuzzer made.
///   - count: Its length.
///   - body: What reads it; may throw.
/// - Returns: What libFuzzer wants to hear.
public func attempt(
  _ start: UnsafePointer<UInt8>?, _ count: Int, _ body: (UnsafeRawBufferPointer) throws -> Void
) -> CInt {
  try? body(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}
