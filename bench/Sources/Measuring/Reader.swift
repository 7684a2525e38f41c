import Glibc
import Platform

/// Reads files with large plain reads into one buffer that is used again and again: the least that any
/// program must do that looks at every byte.
public struct Reader: Sendable {
  /// Bytes of one read.
  private let blockBytes: Int
  /// Whether every file has a thread of its own; else one thread reads one file after the other.
  private let threadPerFile: Bool
  /// Whether pages are dropped from the cache after the reads.
  private let dropsBehind: Bool

  /// Describes a way of reading.
  /// - Parameters:
  ///   - blockBytes: bytes of one read.
  ///   - threadPerFile: whether every file has a thread of its own.
  ///   - dropsBehind: whether pages are dropped from the cache after the reads.
  public init(blockBytes: Int = 2 << 20, threadPerFile: Bool, dropsBehind: Bool = false) {
    self.blockBytes = blockBytes
    self.threadPerFile = threadPerFile
    self.dropsBehind = dropsBehind
  }

  /// Reads files to their ends.
  /// - Parameter paths: the files.
  /// - Returns: the seconds that it took.
  /// - Throws: `BenchFailure` when a file cannot be read.
  public func read(_ paths: [String]) throws -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    if threadPerFile {
      try onThreads(paths.count) { number in try read([paths[number]][...]) }
    } else {
      try read(paths[...])
    }
    return start.duration(to: clock.now).inSeconds
  }

  private func read(_ paths: ArraySlice<String>) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: blockBytes, alignment: 4096)
    defer { buffer.deallocate() }
    // Dropping 8 MiB at a time costs far fewer calls than dropping every block.
    let dropBytes = max(8 << 20, blockBytes)
    for path in paths {
      let file = try File(path, O_RDONLY)
      var offset = 0
      var dropped = 0
      while true {
        let count = try file.read(into: buffer, at: offset)
        offset += count
        if dropsBehind && (count == 0 || offset - dropped >= dropBytes) {
          posix_fadvise(
            file.descriptor, off_t(dropped), off_t(offset - dropped), POSIX_FADV_DONTNEED)
          dropped = offset
        }
        if count == 0 { break }
      }
    }
  }
}
