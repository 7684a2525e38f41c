internal import SluiceDataflow
internal import SluiceFormats
internal import Synchronization

/// Measures how fast a disk gives what is not in the page cache.
enum DiskRate {
  /// What is read at once.
  private static let pieceByteCount = 2 << 20
  /// What a lane reads one after the other, since the system reads ahead of those who read on.
  private static let runByteCount = 64 << 20
  private static let longestSeconds = 0.3

  /// The bytes a second that files give to as many threads as a run reads with.
  ///
  /// - Parameters:
  ///   - files: The inputs.
  ///   - lanes: The number of lanes.
  /// - Returns: The rate; nil if all that was looked at is in the page cache, or cannot be read.
  static func ofReading(_ files: [InputFile], lanes: Int) -> Double? {
    let largest = files.sorted { $0.byteCount > $1.byteCount }.filter {
      $0.byteCount >= 4 * runByteCount
    }
    let runs = (1...lanes).compactMap { lane -> (file: InputFile, start: Int)? in
      guard !largest.isEmpty else { return nil }
      let file = largest[(lane - 1) % largest.count]
      return (1...8).lazy.map { (file: file, start: file.byteCount / 10 * $0) }.first {
        $0.start + runByteCount <= file.byteCount
          && file.cachedShare(of: $0.start..<$0.start + runByteCount) < 0.1
      }
    }
    guard !runs.isEmpty,
      let pool = try? BufferPool(
        count: runs.count, byteCount: pieceByteCount + InputFile.directSlack,
        cancellation: Cancellation())
    else { return nil }
    let bytes = Atomic<Int>(0)
    let start = MonotonicTime.now
    let measured = try? Graph.forEach(runs, "disk", threads: runs.count) { run, _ in
      let buffer = try pool.take()
      for offset in stride(from: run.start, to: run.start + runByteCount, by: pieceByteCount) {
        try unsafe run.file.readForTiming(
          offset..<offset + pieceByteCount, into: buffer.bytes)
        bytes.wrappingAdd(pieceByteCount, ordering: .relaxed)
        if MonotonicTime.now.seconds(since: start) > longestSeconds { return }
      }
    }
    guard measured != nil else { return nil }
    let seconds = MonotonicTime.now.seconds(since: start)
    return seconds > 0 ? Double(bytes.load(ordering: .relaxed)) / seconds : nil
  }
}
