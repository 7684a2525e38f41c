internal import CSluiceSystem
internal import Glibc

/// Measures how fast a disk takes bytes, without leaving anything on it.
///
/// The bytes go to a file that never has a name (O_TMPFILE): no listing shows it, and it is gone when
/// it is closed or the process dies.
package enum WriteProbe {
  private static let blockByteCount = 4 << 20

  /// Writes some bytes as an output is written: around the page cache where that works, and waited
  /// for at the end.
  ///
  /// - Parameters:
  ///   - directory: A directory on the disk.
  ///   - byteLimit: The most bytes written.
  ///   - shouldGoOn: Asked before each block but the first two.
  /// - Returns: The bytes written, or nil if that cannot be tried here.
  package static func write(
    in directory: String, byteLimit: Int, while shouldGoOn: () -> Bool
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
    // Safety: allocated here with room for a block, on a page's border, and freed at the end.
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: blockByteCount, alignment: MemoryPage.byteCount)
    defer { unsafe block.deallocate() }
    // No zeros: some file systems do not store them.
    for index in block.indices { unsafe block[index] = UInt8(truncatingIfNeeded: index * 31) }
    var written = 0
    while written + blockByteCount <= byteLimit, written < 2 * blockByteCount || shouldGoOn() {
      let number = unsafe writeFully(
        descriptor, UnsafeRawBufferPointer(block), at: written, path: directory)
      guard number == 0 else { return nil }
      written += blockByteCount
    }
    return fdatasync(descriptor) == 0 && written > 0 ? written : nil
  }
}
