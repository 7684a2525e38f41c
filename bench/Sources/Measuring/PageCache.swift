import Glibc
import Platform

/// The kernel's cache of file pages.
public enum PageCache {
  /// How much of some files is in memory.
  /// - Parameter paths: the files.
  /// - Returns: the resident part of their pages, 0 to 1.
  /// - Throws: `BenchFailure` when a file cannot be mapped.
  public static func residentShare(of paths: [String]) throws -> Double {
    let pageSize = sysconf(CInt(_SC_PAGESIZE))
    // The answer is a byte per page; a window keeps this process small.
    let window = 256 << 20
    var answers = [UInt8](repeating: 0, count: window / pageSize)
    var resident = 0
    var pages = 0
    for path in paths {
      let file = try File(path, O_RDONLY)
      let size = try file.size()
      for offset in stride(from: 0, to: size, by: window) {
        let length = min(window, size - offset)
        guard let map = mmap(nil, length, PROT_READ, MAP_SHARED, file.descriptor, off_t(offset)),
          map != MAP_FAILED
        else { throw BenchFailure.system("mmap", path) }
        defer { munmap(map, length) }
        guard mincore(map, length, &answers) == 0 else {
          throw BenchFailure.system("mincore", path)
        }
        let count = (length + pageSize - 1) / pageSize
        resident += answers[..<count].count { $0 & 1 == 1 }
        pages += count
      }
    }
    return pages == 0 ? 1 : Double(resident) / Double(pages)
  }

  /// Lets the kernel forget the pages of some files.
  ///
  /// Pages that are not yet on the device cannot be dropped, so everything is written first.
  /// - Parameter paths: the files.
  /// - Throws: `BenchFailure` when the kernel refuses.
  public static func evict(_ paths: [String]) throws {
    sync()
    for path in paths {
      let file = try File(path, O_RDONLY)
      let code = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
      guard code == 0 else { throw BenchFailure.system("posix_fadvise", path, code: code) }
    }
  }
}
