internal import Glibc
internal import SluiceCore
internal import Synchronization

/// A directory that a run has to itself, or its output, held open from its first use to its last.
///
/// While it is held, every call of this module on a path in it goes through its descriptor, and below a
/// run's own no link is followed: nobody who puts something else in its place, or a link into it, leads
/// a run to files that are not its own.
package final class OwnedDirectory: Sendable {
  /// Whose the directory is.
  package enum Kind: Sendable {
    /// The user's, who may have made it a link.
    case users
    /// Made by runs for themselves: no link, and of the user who runs.
    case runs
  }

  /// The path by which it is held.
  package let path: String
  /// Its number on its device.
  package let inode: UInt64

  /// Makes the directory where it is missing, checks it, and holds it.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - kind: Whose it is.
  /// - Throws: If it cannot be made or opened, or is not what it should be.
  package init(_ path: String, _ kind: Kind) throws(FormatError) {
    try Directory.create(path)
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (kind == .runs ? O_NOFOLLOW : 0)
    // SAFETY: here and below a name is a C string for the length of the call.
    let descriptor = callSystem(at: path) { unsafe openat($0, $1, flags) }
    guard descriptor >= 0 else {
      let number = errno
      if number == ELOOP || number == ENOTDIR {
        throw .foreignDirectory(path, "expected a directory, found a link or a file")
      }
      throw .open(path, errno: number)
    }
    let held = HeldDirectory(descriptor: descriptor, isTree: kind == .runs)
    let status = try FileStatus.of(descriptor: descriptor, path: path)
    if kind == .runs, status.owner != geteuid(), try status.owner != held.ownerOfNewFiles(path) {
      throw .foreignDirectory(path, "it belongs to user \(status.owner)")
    }
    self.path = path
    inode = status.inode
    HeldDirectories.add(held, at: path)
  }

  deinit { HeldDirectories.remove(path) }
}

/// An open directory.
final class HeldDirectory: Sendable {
  let descriptor: Int32
  /// Whether all that is below it belongs to it, too; else only what is directly in it.
  let isTree: Bool

  init(descriptor: Int32, isTree: Bool) {
    self.descriptor = descriptor
    self.isTree = isTree
  }

  deinit {
    // Whoever lets go of it may still have to say why a call failed.
    let number = errno
    close(descriptor)
    errno = number
  }

  /// Whom the file system makes the owner of what this process makes: on a share of a network it may
  /// be somebody else than the process says.
  fileprivate func ownerOfNewFiles(_ path: String) throws(FormatError) -> UInt32 {
    let name = ".owner.\(getpid())"
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let file = uninterrupted { unsafe openat(descriptor, name, flags, 0o600) }
    guard file >= 0 else { throw .create("\(path)/\(name)", errno: errno) }
    defer {
      close(file)
      _ = unsafe unlinkat(descriptor, name, 0)
    }
    return try FileStatus.of(descriptor: file, path: path).owner
  }
}

/// The directories that are held, by the paths by which they are: byte by byte, as the system sees
/// them.
enum HeldDirectories {
  private static let held = Mutex<[[UInt8]: [HeldDirectory]]>([:])

  static func add(_ directory: HeldDirectory, at path: String) {
    held.withLock { $0[Array(path.utf8), default: []].append(directory) }
  }

  static func remove(_ path: String) {
    held.withLock { held in
      let key = Array(path.utf8)
      _ = held[key]?.popLast()
      if held[key]?.isEmpty == true { held[key] = nil }
    }
  }

  /// The innermost held directory above a path, and the way from there.
  static func above(_ path: String) -> (directory: HeldDirectory, rest: String)? {
    held.withLock { held in
      guard !held.isEmpty else { return nil }
      var end = path.utf8.endIndex
      while let slash = path.utf8[..<end].lastIndex(of: UInt8(ascii: "/")) {
        let rest = path.utf8[slash...].drop { $0 == UInt8(ascii: "/") }
        if !rest.isEmpty, let directory = held[Array(path.utf8[..<slash])]?.last,
          directory.isTree || !rest.contains(UInt8(ascii: "/"))
        {
          return (directory, String(decoding: rest, as: UTF8.self))
        }
        end = slash
      }
      return nil
    }
  }

  /// The held directory with a path.
  static func at(_ path: String) -> HeldDirectory? { held.withLock { $0[Array(path.utf8)]?.last } }
}

/// Makes a call on a path: with a name in an open directory where one is held above the path, and
/// again for as long as signals interrupt it.
///
/// - Parameters:
///   - path: The path.
///   - call: The call, such as `openat`: gets a directory and a name in it, gives a negative number
///     and sets `errno` if it fails.
/// - Returns: What it gave at last; -1 with `errno` if the path leads through a link in a directory
///   that is held, or a part of it is missing.
func callSystem(at path: String, _ call: (_ directory: Int32, _ name: String) -> Int32) -> Int32 {
  guard let (held, rest) = HeldDirectories.above(path) else {
    return uninterrupted { call(AT_FDCWD, path) }
  }
  var last = held
  let parts = rest.split(separator: "/")
  for part in parts.dropLast() {
    let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
    let descriptor =
      part == ".." ? -1 : uninterrupted { unsafe openat(last.descriptor, String(part), flags) }
    guard descriptor >= 0 else {
      if part == ".." { errno = EXDEV }
      return -1
    }
    last = HeldDirectory(descriptor: descriptor, isTree: true)
  }
  let name = parts.last.map { String($0) } ?? "."
  return withExtendedLifetime(last) { uninterrupted { call(last.descriptor, name) } }
}

/// Makes a call again for as long as signals interrupt it.
///
/// - Parameter call: The call: gives a negative number and sets `errno` if it fails.
/// - Returns: What it gave at last.
func uninterrupted(_ call: () -> Int32) -> Int32 {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
