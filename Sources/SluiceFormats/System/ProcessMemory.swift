internal import CSluiceSystem
internal import Glibc

/// The memory of this process and of the machine, in bytes.
package enum ProcessMemory {
  /// The most memory that the process has had at once, file-backed pages included.
  package static var peakByteCount: Int {
    if let peak = field("VmHWM", of: "/proc/self/status") { return peak }
    var usage = rusage()
    // Safety: the record is a local variable.
    _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss << 10
  }

  /// The memory of its own that the process has now, or nil where the system does not say.
  package static var anonymousByteCount: Int? { field("RssAnon", of: "/proc/self/status") }

  /// The pages of files that are mapped and in memory now, or nil where the system does not say.
  package static var mappedFileByteCount: Int? { field("RssFile", of: "/proc/self/status") }

  /// What could be allocated on this machine without swapping, or nil where the system does not say.
  package static var availableByteCount: Int? { field("MemAvailable", of: "/proc/meminfo") }

  /// Has large blocks given back to the system as soon as they are free, and small ones in larger pieces than usual.
  ///
  /// What grows with the number of tensors would else leave holes that take a third more than itself.
  package static func setUpHeaps() { sluice_set_up_heaps() }

  /// Finds a line such as `VmHWM:     5120 kB` in what the kernel wrote.
  static func field(_ name: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count == 3, words[0] == "\(name):", words[2] == "kB", let count = Int(words[1])
      else { continue }
      return count << 10
    }
    return nil
  }

  private static func field(_ name: String, of path: String) -> Int? {
    KernelTextFile.text(path).flatMap { field(name, in: $0) }
  }
}

/// How many files this process may have open.
package enum OpenFileLimit {
  /// Raises the limit as far as the system lets this user: models have hundreds of shards.
  @discardableResult
  package static func raise() -> Int {
    var limit = rlimit()
    // Safety: the record is a local variable.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
      return 0
    }
    if limit.rlim_cur < limit.rlim_max {
      var raised = limit
      raised.rlim_cur = limit.rlim_max
      // Safety: the record is a local variable.
      if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 {
        limit = raised
      }
    }
    return Int(clamping: limit.rlim_cur)
  }
}
