internal import Glibc

/// The memory limit that a container or service runs under, which `/proc/meminfo` does not show.
package enum ControlGroup {
  /// The smallest memory limit of the process's control group and those above it, in bytes.
  ///
  /// The page cache counts against such a limit: what does not fit is thrown out again at once.
  /// Nil where there is no limit, or the system does not say.
  package static var memoryLimit: Int? {
    guard let membership = KernelTextFile.text("/proc/self/cgroup") else { return nil }
    return memoryLimit(membership: membership, read: KernelTextFile.text)
  }

  /// Finds the limit.
  ///
  /// - Parameters:
  ///   - membership: What `/proc/self/cgroup` says: a line `0::PATH` for version 2, lines
  ///     `N:CONTROLLERS:PATH` for version 1.
  ///   - read: The text of a file, or nil.
  /// - Returns: The smallest limit, or nil.
  static func memoryLimit(membership: String, read: (String) -> String?) -> Int? {
    var limits: [Int] = []
    for line in membership.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      if fields[1].isEmpty {
        limits += groups(fields[2]).compactMap { number(read("/sys/fs/cgroup\($0)/memory.max")) }
      } else if fields[1].split(separator: ",").contains("memory") {
        limits += groups(fields[2]).compactMap {
          number(read("/sys/fs/cgroup/memory\($0)/memory.limit_in_bytes"))
        }
      }
    }
    return limits.min()
  }

  /// A group and all above it; inside a container, whose own group is mounted as the root, the path
  /// from outside does not exist and the root says it.
  private static func groups(_ path: Substring) -> [String] {
    let parts = path.split(separator: "/")
    return (0...parts.count).map { count in parts.prefix(count).map { "/\($0)" }.joined() }
  }

  /// A limit; `max` and the huge number of version 1 mean none.
  private static func number(_ text: String?) -> Int? {
    guard let text, let first = text.split(separator: "\n").first, let limit = Int(first),
      limit < 1 << 60
    else { return nil }
    return limit
  }
}
