import Glibc

/// Folders: making, listing and removing them.
public enum Directory {
  /// Makes a folder and those above it.
  /// - Parameter path: the folder.
  /// - Throws: `BenchFailure` when one of them cannot be made.
  public static func make(_ path: String) throws {
    var prefix = path.hasPrefix("/") ? "/" : ""
    for part in path.split(separator: "/") {
      prefix += part + "/"
      if mkdir(prefix, 0o777) != 0 && errno != EEXIST { throw BenchFailure.system("mkdir", prefix) }
    }
  }

  /// The names inside a folder, in byte order, without `.` and `..`.
  /// - Parameter path: the folder.
  /// - Returns: the names.
  /// - Throws: `BenchFailure` when the folder cannot be opened.
  public static func names(in path: String) throws -> [String] {
    guard let stream = opendir(path) else { throw BenchFailure.system("opendir", path) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Whether a path is a folder.
  /// - Parameter path: the path; a link to a folder counts.
  /// - Returns: true for a folder that is there.
  public static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Removes a folder with everything in it; links are removed, not followed.
  /// - Parameter path: the folder; it may be missing.
  /// - Throws: `BenchFailure` when something in it cannot be removed.
  public static func remove(_ path: String) throws {
    var status = stat()
    guard lstat(path, &status) == 0 else { return }
    if status.st_mode & S_IFMT == S_IFDIR {
      for name in try names(in: path) { try remove(path + "/" + name) }
      guard rmdir(path) == 0 else { throw BenchFailure.system("rmdir", path) }
    } else {
      guard unlink(path) == 0 else { throw BenchFailure.system("unlink", path) }
    }
  }

  /// The weight files of a checkpoint.
  /// - Parameter path: a folder as Hugging Face lays it out.
  /// - Returns: the paths of its `.safetensors` files, in byte order.
  /// - Throws: `BenchFailure` when there is none.
  public static func weightFiles(in path: String) throws -> [String] {
    let files = try names(in: path).filter { $0.hasSuffix(".safetensors") }
    guard !files.isEmpty else { throw BenchFailure("\(path): no .safetensors file in this folder") }
    return files.map { path + "/" + $0 }
  }
}
