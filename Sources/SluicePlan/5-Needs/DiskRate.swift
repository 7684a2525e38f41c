internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// How fast a disk gives what is not in the page cache, and what is left of that while it takes something.
struct DiskRate: Sendable, Hashable {
  /// What is read and written at once.
  private static let pieceByteCount = 2 << 20
  /// What a lane reads one after the other, since the system reads ahead of those who read on.
  private static let runByteCount = 64 << 20
  /// What it reads of that while something is written.
  private static let besideByteCount = 24 << 20
  private static let longestSeconds = 0.3
  private static let writtenByteLimit = 256 << 20
  /// Where it cannot be measured: what disks of virtual machines had.
  private static let usualUnhiddenWriting = 0.5

  /// The bytes a second that it gives to as many threads as a run reads with.
  let reading: Double
  /// The part of the shorter of reading and writing at a time that is not hidden behind the longer: 0 where the two
  /// are counted apart, 1 where they share what the disk can do.
  let unhiddenWriting: Double

  /// Measures.
  ///
  /// - Parameters:
  ///   - files: The inputs.
  ///   - lanes: The number of lanes.
  ///   - directory: Where a run will write; nil if that is not known.
  /// - Returns: The rate; nil if all that was looked at is in the page cache, or cannot be read.
  static func measured(_ files: [InputFile], lanes: Int, writingTo directory: String?) -> DiskRate?
  {
    let runs = uncachedRuns(files, lanes: lanes)
    guard let alone = Probe.of(runs, writingTo: nil), alone.seconds > 0 else { return nil }
    let reading = Double(alone.read) / alone.seconds
    let beside = directory.flatMap { Probe.of(runs, writingTo: $0) }
    return DiskRate(
      reading: reading,
      unhiddenWriting: beside.flatMap { unhidden($0, reading: reading) } ?? usualUnhiddenWriting)
  }

  /// What some lanes read and a writer wrote meanwhile.
  struct Probe: Sendable, Hashable {
    var read: Int
    var written = 0
    var seconds: Double
  }

  /// The part that is not hidden, of a disk that takes as much as it gives; nil if nothing was written.
  static func unhidden(_ probe: Probe, reading: Double) -> Double? {
    guard probe.read > 0, probe.written > 0 else { return nil }
    let (read, written) = (Double(probe.read) / reading, Double(probe.written) / reading)
    return min(1, max(0, (probe.seconds - max(read, written)) / min(read, written)))
  }

  /// A run of a file for each lane, as far as there are some that are not in the page cache.
  private static func uncachedRuns(_ files: [InputFile], lanes: Int) -> [Run] {
    let largest = files.sorted { $0.byteCount > $1.byteCount }.filter {
      $0.byteCount >= 4 * runByteCount
    }
    return (1...lanes).compactMap { lane -> Run? in
      guard !largest.isEmpty else { return nil }
      let file = largest[(lane - 1) % largest.count]
      return (1...8).lazy.map { Run(file: file, start: file.byteCount / 10 * $0) }.first {
        $0.start + runByteCount <= file.byteCount
          && file.cachedShare(of: $0.start..<$0.start + runByteCount) < 0.1
      }
    }
  }

  fileprivate struct Run: Sendable {
    let file: InputFile
    let start: Int
  }
}

extension DiskRate.Probe {
  private enum Job: Sendable {
    case read(DiskRate.Run)
    case write(String)
  }

  /// Reads runs, and writes to a file without a name until they are read, if it is said where.
  fileprivate static func of(_ runs: [DiskRate.Run], writingTo directory: String?) -> Self? {
    let jobs = runs.map(Job.read) + [directory.map(Job.write)].compactMap(\.self)
    let pieceByteCount = DiskRate.pieceByteCount
    guard !runs.isEmpty,
      let pool = try? BufferPool(
        count: jobs.count, byteCount: pieceByteCount + InputFile.directSlack,
        cancellation: Cancellation())
    else { return nil }
    let read = Atomic(0)
    let written = Atomic(0)
    let left = Atomic(runs.count)
    let seconds = Mutex(0.0)
    let start = MonotonicTime.now
    let measured = try? Graph.forEach(jobs, "disk", threads: jobs.count) { job, _ in
      let buffer = try pool.take()
      switch job {
      case .read(let run):
        defer {
          left.wrappingSubtract(1, ordering: .relaxed)
          seconds.withLock { $0 = MonotonicTime.now.seconds(since: start) }
        }
        let byteCount = directory == nil ? DiskRate.runByteCount : DiskRate.besideByteCount
        let end = run.start + byteCount
        for offset in stride(from: run.start, to: end, by: pieceByteCount) {
          try unsafe run.file.readForTiming(offset..<offset + pieceByteCount, into: buffer.bytes)
          read.wrappingAdd(pieceByteCount, ordering: .relaxed)
          if MonotonicTime.now.seconds(since: start) > DiskRate.longestSeconds { return }
        }
      case .write(let directory):
        let block = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.bytes[..<pieceByteCount])
        _ = unsafe WriteProbe.write(block, in: directory, byteLimit: DiskRate.writtenByteLimit) {
          // What is on its way when reading ends was written for the most part beside it.
          written.store($0, ordering: .relaxed)
          return left.load(ordering: .relaxed) > 0
        }
      }
    }
    guard measured != nil else { return nil }
    return Self(
      read: read.load(ordering: .relaxed), written: written.load(ordering: .relaxed),
      seconds: seconds.withLock { $0 })
  }
}
