import Glibc
import Platform

/// A memory cgroup with a limit.
///
/// It stays until `remove()`. Everything that a process in it makes resident counts: its own memory and the pages of the files that it brought into the cache.
public struct MemoryGroup: Sendable {
  private enum Version: Sendable { case one, two }

  private let path: String
  private let version: Version

  /// What the kernel counted.
  public struct Usage: Sendable {
    /// The most memory that was in use at a time, in bytes.
    public let peak: Int
    /// How often the limit was reached.
    ///
    /// Page cache fills any group, so this is normal; what counts is
    /// that nothing was killed.
    public let limitHits: Int
    /// How many processes were killed for want of memory, nil where the kernel does not say.
    public let kills: Int?
  }

  /// The file that takes the number of a process to move.
  var processesFile: String { path + "/cgroup.procs" }

  /// Makes a group inside the group of this process, or, where the kernel does not allow a limit there,
  /// inside one above it.
  /// - Parameter limit: bytes.
  /// - Throws: `BenchFailure` with all that was tried when this machine does not let us.
  public init(limit: Int) throws {
    var tried: [String] = []
    for (version, parent) in MemoryGroup.parents() {
      let path = "\(parent)/sluice-bench-\(getpid())"
      guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
        tried.append("\(parent): \(String(cString: strerror(errno)))")
        continue
      }
      do {
        switch version {
        case .one:
          try File.replace(path + "/memory.limit_in_bytes", with: "\(limit)")
          // No swap. A limit on memory and swap together would do it too, but recent kernels do not
          // count how often that one is reached.
          try File.replace(path + "/memory.swappiness", with: "0")
        case .two:
          // The controller may have to be handed down first; refused while the parent has processes.
          try? File.replace(parent + "/cgroup.subtree_control", with: "+memory")
          try File.replace(path + "/memory.max", with: "\(limit)")
          try? File.replace(path + "/memory.swap.max", with: "0")
        }
        self.path = path
        self.version = version
        return
      } catch {
        rmdir(path)
        tried.append("\(error)")
      }
    }
    let reasons = tried.isEmpty ? "no memory controller is mounted" : tried.joined(separator: "; ")
    throw BenchFailure(
      "no memory group can be made here (\(reasons)). Run as root, or under "
        + "'systemd-run --user --scope -p Delegate=yes', or without --limit")
  }

  /// Reads the counters.
  /// - Returns: what happened in the group so far.
  /// - Throws: `BenchFailure` when a counter cannot be read.
  public func usage() throws -> Usage {
    switch version {
    case .one:
      Usage(
        peak: try number("memory.max_usage_in_bytes"), limitHits: try number("memory.failcnt"),
        kills: counter("oom_kill", in: "memory.oom_control"))
    case .two:
      Usage(
        peak: try number("memory.peak"),
        limitHits: counter("max", in: "memory.events") ?? 0,
        kills: counter("oom_kill", in: "memory.events"))
    }
  }

  /// Removes the group; its processes must have ended.
  public func remove() {
    // A process that was just reaped may still be on its way out of the group.
    for _ in 0..<100 where rmdir(path) != 0 && errno == EBUSY { usleep(10_000) }
  }

  private func number(_ name: String) throws -> Int {
    let text = String(decoding: try File.contents(of: path + "/" + name), as: UTF8.self)
    guard let line = text.split(separator: "\n").first, let value = Int(line) else {
      throw BenchFailure("\(path)/\(name): expected a number, found '\(text)'")
    }
    return value
  }

  private func counter(_ key: String, in name: String) -> Int? {
    guard let bytes = try? File.contents(of: path + "/" + name) else { return nil }
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 2, fields[0] == key { return Int(fields[1]) }
    }
    return nil
  }

  /// Groups in which a child could be made: that of this process first, then those above it.
  private static func parents() -> [(Version, String)] {
    func text(_ path: String) -> String {
      String(decoding: (try? File.contents(of: path)) ?? [], as: UTF8.self)
    }
    var roots: [(Version, String)] = []
    for line in text("/proc/self/mounts").split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count > 3 else { continue }
      if fields[2] == "cgroup" && fields[3].split(separator: ",").contains("memory") {
        roots.append((.one, String(fields[1])))
      } else if fields[2] == "cgroup2" {
        let controllers = text(fields[1] + "/cgroup.controllers")
        if controllers.split(whereSeparator: \.isWhitespace).contains("memory") {
          roots.append((.two, String(fields[1])))
        }
      }
    }
    var parents: [(Version, String)] = []
    for line in text("/proc/self/cgroup").split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isOne = fields[1].split(separator: ",").contains("memory")
      for (version, root) in roots
      where version == .one ? isOne : fields[0] == "0" && fields[1].isEmpty {
        var names = fields[2].split(separator: "/").filter { $0 != ".." }
        while true {
          parents.append((version, ([root[...]] + names).joined(separator: "/")))
          if names.popLast() == nil { break }
        }
      }
    }
    return parents
  }
}
