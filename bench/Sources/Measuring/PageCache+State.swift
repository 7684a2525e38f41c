import Glibc
import Platform

extension PageCache {
  /// Brings the page cache into the wanted state: all of the inputs in it, or nothing; and free memory to where it is used.
  /// - Parameters:
  ///   - inputs: the files.
  ///   - cold: whether nothing of them shall be in it.
  /// - Returns: the part of them that is in it now.
  /// - Throws: `BenchFailure` when the state cannot be reached.
  public static func prepare(_ inputs: [String], cold: Bool) throws -> Double {
    if cold {
      try evict(inputs)
    } else {
      sync()
      // More than once: reading brings pages in, but may push out others that are older.
      for _ in 0..<3 where try residentShare(of: inputs) < 1 {
        _ = try Reader(threadPerFile: false).read(inputs)
      }
    }
    let resident = try residentShare(of: inputs)
    if !cold && resident < 0.99 {
      throw BenchFailure(
        "only \((resident * 100).fixed(1)) % of the inputs stay in the page cache: they do not fit "
          + "this machine's memory (measure them cold), or another program drops them")
    }
    if cold && resident > 0.01 {
      throw BenchFailure(
        "\((resident * 100).fixed(1)) % of the inputs stay in the page cache; another program "
          + "holds them")
    }
    try FreeMemory.prepare()
    return resident
  }
}
