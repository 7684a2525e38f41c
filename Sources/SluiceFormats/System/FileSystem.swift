internal import Glibc

/// What is known about the file system under a path.
package enum FileSystem {
  /// The space that this user may still fill.
  ///
  /// - Parameter path: Any path on the file system; it must exist.
  /// - Returns: The number of free bytes.
  /// - Throws: If the path cannot be looked up.
  package static func freeByteCount(at path: String) throws(FormatError) -> Int {
    var status = statvfs()
    // Safety: the path is a C string for the length of the call, the status a local variable.
    let result =
      if let held = HeldDirectories.at(path) {
        uninterrupted { unsafe fstatvfs(held.descriptor, &status) }
      } else {
        uninterrupted { unsafe statvfs(path, &status) }
      }
    guard result == 0 else { throw .status(path, errno: errno) }
    let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
      by: Int(clamping: status.f_frsize))
    return overflow ? .max : bytes
  }
}
