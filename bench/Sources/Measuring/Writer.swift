import Glibc
import Platform

/// Writes a file past the page cache in large blocks and waits for the device: the least that any program
/// must do that leaves a merged model after.
public enum Writer {
  private static let blockBytes = 4 << 20

  /// `O_DIRECT`, which Swift does not import; its value differs between processors.
  #if arch(arm64)
    static let direct: CInt = 0o200000
  #else
    static let direct: CInt = 0o40000
  #endif

  /// How a file was written.
  public struct Outcome: Sendable {
    /// The seconds from opening the file to the end of `fsync`.
    public let seconds: Double
    /// Whether the file system allowed to write past the page cache.
    public let isDirect: Bool
  }

  /// Writes a new file and removes it again; the removal is not timed.
  /// - Parameters:
  ///   - byteCount: its size; rounded up to whole pages, which direct writes need.
  ///   - folder: where it goes.
  /// - Returns: the time.
  /// - Throws: `BenchFailure` when it cannot be written.
  public static func write(_ byteCount: Int, in folder: String) throws -> Outcome {
    let path = "\(folder)/floor-\(getpid()).tmp"
    let buffer = block(byteCount: blockBytes)
    defer { buffer.deallocate() }
    let total = (byteCount + 4095) / 4096 * 4096
    unlink(path)
    let clock = ContinuousClock()
    let start = clock.now
    let file = try create(path, isDirect: true)
    let isDirect = fcntl(file.descriptor, F_GETFL) & Writer.direct != 0
    defer { unlink(path) }
    let code = posix_fallocate(file.descriptor, 0, off_t(total))
    guard code == 0 || code == EOPNOTSUPP else {
      throw BenchFailure.system("posix_fallocate", path, code: code)
    }
    for offset in stride(from: 0, to: total, by: blockBytes) {
      let count = min(blockBytes, total - offset)
      try file.write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: offset)
    }
    try file.synchronize()
    return Outcome(seconds: start.duration(to: clock.now).inSeconds, isDirect: isDirect)
  }

  /// Makes a file for writes, past the page cache if asked for and if the file system allows it.
  static func create(_ path: String, isDirect: Bool) throws -> File {
    let flags = O_WRONLY | O_CREAT | O_EXCL
    if isDirect {
      if let file = try? File(path, flags | Writer.direct) { return file }
      // A file system without direct writes may have made the file before it refused.
      unlink(path)
    }
    return try File(path, flags)
  }

  /// Memory with something to write, where direct reads and writes may work: in large pages, of which a disk
  /// has fewer to go through.
  static func block(byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let page = 2 << 20
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: (byteCount + page - 1) / page * page, alignment: page)
    madvise(buffer.baseAddress, buffer.count, MADV_HUGEPAGE)
    // Not zeros: a host may store those for nothing.
    for index in 0..<(buffer.count / 8) {
      buffer.storeBytes(
        of: UInt64(index) &* 0x9e37_79b9_7f4a_7c15, toByteOffset: index * 8, as: UInt64.self)
    }
    return UnsafeMutableRawBufferPointer(rebasing: buffer[..<byteCount])
  }
}
