internal import CSluiceSystem
internal import Glibc

/// Files that nobody needs once they are closed.
package enum ScratchFile {
  /// Makes an empty file for reading and writing that is gone with its descriptor.
  ///
  /// It has no name where the file system can do that (O_TMPFILE). Elsewhere it has one for a moment:
  /// what a killed run left between the two calls is removed first, so that it blocks nobody.
  ///
  /// - Parameters:
  ///   - directory: Where.
  ///   - name: A name that nobody else uses there.
  /// - Returns: The descriptor, which the caller closes.
  /// - Throws: If no file can be made there.
  package static func open(in directory: String, name: String) throws(FormatError) -> Int32 {
    let path = "\(directory)/\(name)"
    var descriptor: Int32 = -1
    let flag = sluice_unnamed_file_flag()
    let number = FileCalls.perform(.create, path) {
      // Safety: the name is a C string for the length of the call.
      descriptor = callSystem(at: "\(directory)/.") {
        flag == 0 ? -1 : unsafe openat($0, $1, flag | O_RDWR | O_CLOEXEC, 0o600)
      }
      return descriptor >= 0 ? 0 : flag == 0 ? EOPNOTSUPP : errno
    }
    switch number {
    case 0: return descriptor
    // File systems that have none say one of these; old kernels see a directory.
    case EOPNOTSUPP, EISDIR, EINVAL, ENOENT: break
    default: throw .create(path, errno: number)
    }
    try Directory.removeFile(path)
    descriptor = try createFile(at: path, O_RDWR | O_EXCL)
    do throws(FormatError) {
      try Directory.removeFile(path)
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }
}
