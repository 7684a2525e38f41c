import Glibc

extension File {
  /// The numbers of `struct file_clone_range`, which Swift does not import.
  private struct CloneRange {
    var source: Int64
    var sourceOffset: UInt64
    var byteCount: UInt64
    var offset: UInt64
  }

  /// `FICLONERANGE`, a macro that Swift does not import; the same on x86-64 and arm64.
  private static let cloneRange: UInt = 0x4020_940d

  /// Lets this file have the end of another one without writing it: both share its blocks on the device.
  /// - Parameters:
  ///   - source: the other file, on the same file system.
  ///   - offset: where the end begins in both, a multiple of the file system's block.
  /// - Returns: false where the file system cannot do that; nothing was changed then.
  /// - Throws: `BenchFailure` when it can, and fails.
  public func share(dataOf source: File, from offset: Int) throws -> Bool {
    // No byte count stands for all up to the end.
    var range = CloneRange(
      source: Int64(source.descriptor), sourceOffset: UInt64(offset), byteCount: 0,
      offset: UInt64(offset))
    if ioctl(descriptor, File.cloneRange, &range) == 0 { return true }
    guard [EOPNOTSUPP, ENOTTY, EINVAL, EXDEV, ENOSYS].contains(errno) else {
      throw BenchFailure.system("ioctl FICLONERANGE", path)
    }
    return false
  }

  /// Writes the end of another file to the same place of this one.
  /// - Parameters:
  ///   - source: the other file.
  ///   - offset: where the end begins in both.
  /// - Throws: `BenchFailure` when a read or a write fails.
  public func copy(_ source: File, from offset: Int) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4 << 20, alignment: 4096)
    defer { buffer.deallocate() }
    var place = offset
    while true {
      let count = try source.read(into: buffer, at: place)
      if count == 0 { return }
      try write(UnsafeRawBufferPointer(rebasing: buffer[..<count]), at: place)
      place += count
    }
  }
}
