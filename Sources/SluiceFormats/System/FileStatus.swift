internal import Glibc

/// What a directory entry is.
package enum FileKind: String, Sendable, Hashable {
  case regularFile = "regular file"
  case directory = "directory"
  case symbolicLink = "symbolic link"
  case pipe = "pipe"
  case socket = "socket"
  case device = "device"
  case other = "special file"

  init(mode: mode_t) {
    switch mode & S_IFMT {
    case S_IFREG: self = .regularFile
    case S_IFDIR: self = .directory
    case S_IFLNK: self = .symbolicLink
    case S_IFIFO: self = .pipe
    case S_IFSOCK: self = .socket
    case S_IFCHR, S_IFBLK: self = .device
    default: self = .other
    }
  }
}

/// What the file system knows about a file: enough to see that it is the same, unchanged, file.
package struct FileStatus: Sendable, Hashable {
  /// What the file is.
  package let kind: FileKind
  /// The length.
  package let byteCount: Int
  /// The bytes that it takes on the disk, reserved ones included.
  package let allocatedByteCount: Int
  /// The device that holds it.
  package let device: UInt64
  /// Its number on the device.
  package let inode: UInt64
  /// When its content last changed, in nanoseconds since 1970.
  package let modificationNanoseconds: Int64
  /// When anything about it last changed, in nanoseconds since 1970: nobody can set it back.
  package let changeNanoseconds: Int64
  /// The number of the user who owns it.
  package let owner: UInt32
  /// The permission bits.
  package let permissions: UInt32

  init(_ status: stat) {
    kind = FileKind(mode: status.st_mode)
    byteCount = Int(status.st_size)
    allocatedByteCount = Int(status.st_blocks) * 512
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    modificationNanoseconds =
      Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    changeNanoseconds =
      Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    owner = status.st_uid
    permissions = UInt32(status.st_mode & 0o7777)
  }

  /// Looks a path up.
  package static func of(
    _ path: String, followingLinks: Bool = true
  ) throws(FormatError) -> FileStatus? {
    var status = stat()
    let flags = followingLinks ? 0 : AT_SYMLINK_NOFOLLOW
    // Safety: the name is a C string for the length of the call, the status a local variable.
    let result = callSystem(at: path) { unsafe fstatat($0, $1, &status, flags) }
    guard result == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .status(path, errno: errno)
    }
    return FileStatus(status)
  }

  static func of(descriptor: Int32, path: String) throws(FormatError) -> FileStatus {
    var status = stat()
    // Safety: the status is a local variable.
    guard uninterrupted({ unsafe fstat(descriptor, &status) }) == 0 else {
      throw .status(path, errno: errno)
    }
    return FileStatus(status)
  }
}
