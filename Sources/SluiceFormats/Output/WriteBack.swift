internal import CSluiceSystem
internal import Synchronization

/// Keeps the dirty pages of a file few while it is written through the cache.
///
/// Starts writing each range to disk at once, and waits for the oldest ranges once too many bytes
/// are under way; their pages then leave the cache.
/// Only advice to the system; errors show in the final sync.
final class WriteBack: Sendable {
  private struct State {
    var ranges: [Range<Int>] = []
    var byteCount = 0
  }

  private static let smallestByteCount = 1 << 16
  private static let pendingByteLimit = 32 << 20
  private let state = Mutex(State())

  /// Notes a range that has just been written through the cache.
  ///
  /// - Parameters:
  ///   - range: Where in the file; short ranges are left to the system.
  ///   - descriptor: The file.
  func wrote(_ range: Range<Int>, to descriptor: Int32) {
    guard range.count >= WriteBack.smallestByteCount else { return }
    _ = sluice_start_writeback(descriptor, Int64(range.lowerBound), Int64(range.count))
    let due = state.withLock { state -> [Range<Int>] in
      state.ranges.append(range)
      state.byteCount += range.count
      var due: [Range<Int>] = []
      while state.byteCount > WriteBack.pendingByteLimit, state.ranges.count > 1 {
        let oldest = state.ranges.removeFirst()
        state.byteCount -= oldest.count
        due.append(oldest)
      }
      return due
    }
    for range in due {
      _ = sluice_finish_writeback(descriptor, Int64(range.lowerBound), Int64(range.count))
      dropCachedPagesInside(range, of: descriptor)
    }
  }
}
