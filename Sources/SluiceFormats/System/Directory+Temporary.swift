internal import CSluiceSystem
internal import Glibc

extension Directory {
  /// Where temporary files are made: `$TMPDIR` or `/tmp`.
  package static var temporary: String {
    // Safety: the environment is only read, and the text is copied at once.
    let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
    return parent.isEmpty ? "/tmp" : parent
  }

  /// Makes a directory of one's own for what is needed only while the process runs.
  ///
  /// Those of processes that were killed are removed first. A name says whose it is, so that one in use is
  /// never taken for one of them.
  ///
  /// - Parameters:
  ///   - name: What its name begins with.
  ///   - parent: Where; in `$TMPDIR` or `/tmp` if nil.
  /// - Returns: Its path; nobody else may look into it.
  /// - Throws: If it cannot be made.
  package static func createTemporary(
    _ name: String, in parent: String? = nil
  ) throws(FormatError) -> String {
    let (place, process) = (parent ?? temporary, getpid())
    removeLeftovers(name, in: place)
    let owner = "\(process)-\(sluice_program_start_time(process))"
    let pattern = "\(place)/\(name).\(owner).XXXXXX"
    var bytes = Array(pattern.utf8CString)
    // Safety: the buffer ends with a zero, and the call changes nothing but the six letters.
    let isMade = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.map { unsafe mkdtemp($0) != nil } ?? false
    }
    guard isMade else { throw .create(pattern, errno: errno) }
    return String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Removes what killed processes left in directories of their own.
  private static func removeLeftovers(_ name: String, in parent: String) {
    for entry in (try? names(in: parent)) ?? [] where entry.hasPrefix("\(name).") {
      let owner = entry.dropFirst(name.count + 1).prefix { $0 != "." }.split(separator: "-")
      let path = "\(parent)/\(entry)"
      guard owner.count == 2, let process = Int32(owner[0]), let start = UInt64(owner[1]),
        start > 0,
        sluice_program_start_time(process) != start,
        // Where processes are numbered anew, as in containers, one that cannot be seen may be at work.
        FileLock.holder(of: "\(path)/.sluice/lock") == nil,
        (try? FileStatus.of(path, followingLinks: false))??.owner == geteuid()
      else { continue }
      try? remove(path)
    }
  }
}
