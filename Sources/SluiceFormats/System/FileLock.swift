internal import CSluiceSystem
internal import Glibc
internal import SluiceCore

/// A lock on a file that at most one process holds; it goes when the process ends in any way.
package final class FileLock: Sendable {
  /// What came of an attempt to take a lock.
  package enum Attempt: Sendable {
    /// The lock is held for as long as the value is kept.
    case taken(FileLock)
    /// Another process has it; what it left in the file about itself.
    case busy(holder: String)
    /// The file system has no locks.
    case unsupported
  }

  private let descriptor: Int32

  private init(descriptor: Int32) { self.descriptor = descriptor }

  deinit { close(descriptor) }

  /// Tries to take a lock, and leaves a note for those who come later.
  ///
  /// - Parameters:
  ///   - path: The file, which is made if it is missing.
  ///   - note: A short text about the holder.
  /// - Returns: What came of it.
  /// - Throws: If the file cannot be made or locked for another reason.
  package static func take(_ path: String, note: String) throws(FormatError) -> Attempt {
    while true {
      let lock = FileLock(descriptor: try createFile(at: path, O_RDWR))
      switch sluice_lock_file(lock.descriptor) {
      case 0: break
      case EAGAIN: return .busy(holder: lock.note())
      case EOPNOTSUPP: return .unsupported
      case let number: throw .system("cannot lock", errno: number, file: path)
      }
      // Who held the lock may have removed the file in the meantime: then this lock is worth nothing.
      let mine = try FileStatus.of(descriptor: lock.descriptor, path: path)
      guard let named = try FileStatus.of(path, followingLinks: false),
        named.inode == mine.inode, named.device == mine.device
      else { continue }
      let bytes = Array(note.utf8)
      // Safety: the bytes are used inside the closure only. A note that is lost does no harm.
      _ = ftruncate(lock.descriptor, 0)
      _ = unsafe bytes.withUnsafeBytes {
        unsafe pwrite(lock.descriptor, $0.baseAddress, $0.count, 0)
      }
      return .taken(lock)
    }
  }

  /// Asks who has a lock, without taking it.
  ///
  /// - Parameter path: The file.
  /// - Returns: What the holder left about itself; nil if nobody has the lock.
  package static func holder(of path: String) -> String? {
    // Safety: the path is a C string for the length of the call.
    let descriptor = callSystem(at: path) { unsafe openat($0, $1, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }
    guard descriptor >= 0 else { return nil }
    let lock = FileLock(descriptor: descriptor)
    return sluice_query_lock(descriptor) == EAGAIN ? lock.note() : nil
  }

  private func note() -> String {
    var bytes = [UInt8](repeating: 0, count: 256)
    // Safety: the buffer is used inside the closure only.
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(descriptor, $0.baseAddress, $0.count, 0)
    }
    return String(decoding: bytes[..<max(count, 0)], as: UTF8.self).printable
  }
}
