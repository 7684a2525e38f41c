internal import Glibc
internal import SluiceCore

/// One name in a directory and what it stands for.
package struct DirectoryEntry: Sendable, Hashable {
  /// The name, without the directory.
  package let name: String
  /// What it is, links followed; nil for a link to nothing.
  package let status: FileStatus?
  /// Whether the entry itself is a symbolic link.
  package let isLink: Bool
}

/// Directories: listing, making, removing.
package enum Directory {
  /// Lists a directory.
  ///
  /// - Parameter path: The directory.
  /// - Returns: The entries in byte order of their names, without `.` and `..`.
  /// - Throws: If it cannot be listed.
  package static func list(_ path: String) throws(FormatError) -> [DirectoryEntry] {
    var entries: [DirectoryEntry] = []
    for name in try names(in: path) {
      let child = "\(path)/\(name)"
      guard let own = try FileStatus.of(child, followingLinks: false) else { continue }
      let isLink = own.kind == .symbolicLink
      // A link in a circle is a link to nothing.
      let status = isLink ? try? FileStatus.of(child) : own
      entries.append(DirectoryEntry(name: name, status: status, isLink: isLink))
    }
    return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// Makes a directory and those above it, with the permissions that the umask leaves.
  ///
  /// - Parameters:
  ///   - path: The directory; nothing happens if it exists.
  ///   - waitsForName: Whether its name is waited for; if not, a power failure may undo it.
  /// - Throws: If one of them cannot be made or something else has its name.
  package static func create(_ path: String, waitsForName: Bool = true) throws(FormatError) {
    if let status = try FileStatus.of(path), status.kind == .directory { return }
    let parent = self.parent(of: path)
    if parent != path, parent != "." { try create(parent) }
    // Safety: the path is a C string for the length of the call.
    let number = FileCalls.perform(.create, path) {
      callSystem(at: path) { unsafe mkdirat($0, $1, 0o777) } == 0 ? 0 : errno
    }
    if number == 0 { return waitsForName ? try syncIfAllowed(parent) : () }
    // A link in a directory that is a run's own is not followed.
    if number == ENOTDIR || number == ELOOP, HeldDirectories.above(path) != nil {
      throw .foreignDirectory(parent, "it holds a link or a file in the place of a directory")
    }
    // Another process may have been faster.
    if number == EEXIST, try FileStatus.of(path)?.kind == .directory { return }
    throw .create(path, errno: number)
  }

  /// Removes a directory with everything in it; links are removed, not followed.
  package static func remove(_ path: String) throws(FormatError) {
    guard let status = try FileStatus.of(path, followingLinks: false) else { return }
    guard status.kind == .directory else { return try removeFile(path) }
    for name in try names(in: path) { try remove("\(path)/\(name)") }
    // Safety: the path is a C string for the length of the call.
    let number = FileCalls.perform(.remove, path) {
      callSystem(at: path) { unsafe unlinkat($0, $1, AT_REMOVEDIR) } == 0 ? 0 : errno
    }
    guard number == 0 || number == ENOENT else { throw .remove(path, errno: number) }
  }

  /// Removes a file.
  package static func removeFile(_ path: String) throws(FormatError) {
    // Safety: the path is a C string for the length of the call.
    let number = FileCalls.perform(.remove, path) {
      callSystem(at: path) { unsafe unlinkat($0, $1, 0) } == 0 ? 0 : errno
    }
    guard number == 0 || number == ENOENT else { throw .remove(path, errno: number) }
  }

  /// Renames a file; a crash may undo that until its directory is synced.
  ///
  /// - Parameters:
  ///   - path: The path that it has.
  ///   - target: The path that it gets, on the same file system, in place of what had it before.
  /// - Throws: If the disk reports an error; then the name is as it was.
  static func move(_ path: String, to target: String) throws(FormatError) {
    // Safety: both paths are C strings for the length of the call.
    let number = FileCalls.perform(.rename, target) {
      callSystem(at: path) { from, name in
        callSystem(at: target) { unsafe renameat(from, name, $0, $1) }
      } == 0 ? 0 : errno
    }
    guard number == 0 else { throw .rename(path, to: target, errno: number) }
  }

  /// Waits until a directory's names are on the disk: until then a rename may be undone by a crash.
  package static func sync(_ path: String) throws(FormatError) {
    let descriptor = try open(path)
    defer { close(descriptor) }
    // Some file systems cannot sync a directory and say EINVAL; their names are as safe as can be.
    let number = FileCalls.perform(.sync, path) { fsync(descriptor) == 0 ? 0 : errno }
    guard number == 0 || number == EINVAL else { throw .sync(path, errno: number) }
  }

  /// Waits for a directory's names where that is allowed: who may only pass through a directory cannot.
  package static func syncIfAllowed(_ path: String) throws(FormatError) {
    do { try sync(path) } catch {
      guard error.failure.systemError == EACCES else { throw error }
    }
  }

  /// Follows all links in a path.
  package static func resolve(_ path: String) throws(FormatError) -> String {
    // Safety: the path is a C string for the length of the call; the result is freed once.
    guard let resolved = unsafe realpath(path, nil) else { throw .status(path, errno: errno) }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// A path that means the same from every directory; links are left as they are.
  ///
  /// - Parameter path: The path.
  /// - Returns: The path itself if it begins with a slash, else with the current directory before it.
  package static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/") else { return path }
    // Safety: the buffer is made by the call and released here.
    guard let buffer = unsafe getcwd(nil, 0) else { return path }
    defer { unsafe free(buffer) }
    let current = unsafe String(cString: buffer)
    var rest = path[...]
    while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
    if rest == "." || rest.isEmpty { return current }
    return current == "/" ? "/\(rest)" : "\(current)/\(rest)"
  }

  /// The directory of a path, in the manner of dirname.
  package static func parent(of path: String) -> String {
    var bytes = path.utf8[...]
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    bytes = bytes[..<slash]
    while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    return bytes.isEmpty ? "/" : String(Substring(bytes))
  }

  /// The last component of a path, in the manner of basename.
  ///
  /// - Parameter path: The path.
  /// - Returns: The component, a slash for the root; empty only for an empty path.
  package static func name(of path: String) -> String {
    path.split(separator: "/").last.map { String($0) } ?? String(path.prefix(1))
  }

  /// Whether a name from somewhere else stands for something in a directory and for nothing outside.
  ///
  /// - Parameter name: The name.
  /// - Returns: Whether it can be one of a directory's entries, on other systems too.
  package static func isPlainName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
      && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 == 0 }
  }

  /// Opens a directory: the one that is held by its path, or what is there now.
  private static func open(_ path: String) throws(FormatError) -> Int32 {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC
    // Safety: the name is a C string for the length of the call.
    let descriptor =
      if let held = HeldDirectories.at(path) {
        uninterrupted { unsafe openat(held.descriptor, ".", flags) }
      } else {
        callSystem(at: path) { unsafe openat($0, $1, flags) }
      }
    guard descriptor >= 0 else { throw .open(path, errno: errno) }
    return descriptor
  }

  /// The names in a directory, in no order.
  static func names(in path: String) throws(FormatError) -> [String] {
    let descriptor: Int32
    do { descriptor = try open(path) } catch {
      throw .list(path, errno: error.failure.systemError ?? EIO)
    }
    // Safety: the stream takes the descriptor over.
    guard let stream = unsafe fdopendir(descriptor) else {
      let number = errno
      close(descriptor)
      throw .list(path, errno: number)
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      // Safety: the entry stays valid until the next readdir on this stream, which only we use.
      guard let entry = unsafe readdir(stream) else {
        if errno == EINTR { continue }
        if errno != 0 { throw .list(path, errno: errno) }
        return names
      }
      let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }
}
