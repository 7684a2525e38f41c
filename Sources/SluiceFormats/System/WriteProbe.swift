internal import CSluiceSystem
internal import Glibc

/// Measures how fast a disk takes bytes, without leaving anything on it.
///
/// The bytes go to a file that never has a name (O_TMPFILE): no listing shows it, and it is gone when
/// it is closed or the process dies.
package enum WriteProbe {
  /// Writes some bytes as an output is written: around the page cache where that works, and waited
  /// for at the end.
  ///
  /// - Parameters:
  ///   - block: What is written again and again, and filled before; whole pages, in memory as a run writes from.
  ///   - directory: A directory on the disk.
  ///   - byteLimit: The most bytes written.
  ///   - shouldGoOn: Asked before each block, with the bytes written up to then.
  /// - Returns: The bytes written, or nil if that cannot be tried here.
  package static func write(
    _ block: UnsafeMutableRawBufferPointer, in directory: String, byteLimit: Int,
    while shouldGoOn: (_ written: Int) -> Bool
  ) -> Int? {
    let flag = sluice_unnamed_file_flag()
    guard flag != 0 else { return nil }
    func open(_ more: Int32) -> Int32 {
      // Safety: the name is a C string for the length of the call.
      callSystem(at: "\(directory)/.") {
        unsafe openat($0, $1, flag | O_WRONLY | O_CLOEXEC | more, 0o600)
      }
    }
    var descriptor = open(sluice_direct_open_flag())
    if descriptor < 0, errno == EINVAL { descriptor = open(0) }
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    // No zeros: some file systems do not store them.
    for index in block.indices { unsafe block[index] = UInt8(truncatingIfNeeded: index * 31) }
    var written = 0
    while written + block.count <= byteLimit, shouldGoOn(written) {
      let number = unsafe writeFully(
        descriptor, UnsafeRawBufferPointer(block), at: written, path: directory)
      guard number == 0 else { return nil }
      written += block.count
    }
    return fdatasync(descriptor) == 0 && written > 0 ? written : nil
  }
}
