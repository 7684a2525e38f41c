internal import Glibc
internal import Synchronization

/// Bytes of files that several read one after the other, in pieces of any size: each byte is read once, and
/// kept until all have had it.
///
/// Files are told apart by what they are, not by who opened them, so plans of their own share what they read.
///
/// Safety: the room lives from `init` to `deinit`; a place in it is written by the one read that reserved it,
/// and read only after that was noted.
@safe package final class SharedReads: @unchecked Sendable {
  /// A run of bytes that is kept.
  private struct Run {
    let start: Int
    let count: Int
    let place: Int
    var end: Int { start + count }
  }

  private struct State {
    /// The runs of each file, in order.
    var runs: [FileIdentity: [Run]] = [:]
    var used = 0
    var byteCount = 0
    var isKeeping = false
  }

  private let state = Mutex(State())
  private let capacity: Int
  @unsafe private let room: UnsafeMutableRawPointer

  /// Makes room.
  ///
  /// - Parameter capacity: The most bytes that are kept at once; what is beyond is read again.
  package init(capacity: Int) {
    self.capacity = capacity
    unsafe room = UnsafeMutableRawPointer.allocate(byteCount: max(capacity, 1), alignment: 64)
  }

  deinit { unsafe room.deallocate() }

  /// The bytes that were read from files so far.
  package var bytesRead: Int { state.withLock { $0.byteCount } }

  /// Lets go of what is kept; nobody reads meanwhile.
  ///
  /// - Parameter keeping: Whether what is read next is kept.
  package func clear(keeping: Bool) {
    state.withLock { state in
      state.isKeeping = keeping
      state.runs.removeAll(keepingCapacity: true)
      state.used = 0
    }
  }

  /// What the next bytes of a read are.
  private enum Step {
    case kept(place: Int, count: Int)
    /// Not there yet; with a place if there is room for them.
    case missing(place: Int?, count: Int)
  }

  func read(
    _ descriptor: Int32, _ file: FileIdentity, into buffer: UnsafeMutableRawBufferPointer,
    at offset: Int, path: String
  ) throws(FormatError) {
    var done = 0
    while done < buffer.count {
      let range = (offset + done)..<(offset + buffer.count)
      switch next(range, of: file) {
      case .kept(let place, let count):
        // SAFETY: the run lies in the room, and the rest of the buffer is as long.
        unsafe buffer.baseAddress?.advanced(by: done).copyMemory(
          from: room + place, byteCount: count)
        done += count
      case .missing(let place, let count):
        let part = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + count)])
        try unsafe readFully(descriptor, into: part, at: range.lowerBound, path: path)
        if let place, let start = part.baseAddress {
          // SAFETY: the place was reserved for this read.
          unsafe (room + place).copyMemory(from: start, byteCount: count)
        }
        note(range.lowerBound, count, at: place, of: file)
        done += count
      }
    }
  }

  private func next(_ range: Range<Int>, of file: FileIdentity) -> Step {
    state.withLock { state in
      let runs = state.runs[file] ?? []
      let after = SharedReads.position(of: range.lowerBound, in: runs)
      if after > 0, runs[after - 1].end > range.lowerBound {
        let run = runs[after - 1]
        let skipped = range.lowerBound - run.start
        return .kept(
          place: run.place + skipped, count: min(run.count - skipped, range.count))
      }
      let end = after < runs.count ? min(runs[after].start, range.upperBound) : range.upperBound
      let count = end - range.lowerBound
      guard state.isKeeping, state.used + count <= capacity else {
        return .missing(place: nil, count: count)
      }
      defer { state.used += count }
      return .missing(place: state.used, count: count)
    }
  }

  private func note(_ start: Int, _ count: Int, at place: Int?, of file: FileIdentity) {
    state.withLock { state in
      state.byteCount += count
      guard let place else { return }
      let after = SharedReads.position(of: start, in: state.runs[file] ?? [])
      state.runs[file, default: []].insert(
        Run(start: start, count: count, place: place), at: after)
    }
  }

  /// The position of the first run that begins behind an offset.
  private static func position(of offset: Int, in runs: [Run]) -> Int {
    var (low, high) = (0, runs.count)
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].start <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// What a file is, whoever opened it.
package struct FileIdentity: Sendable, Hashable {
  private let device: UInt64
  private let inode: UInt64

  /// The file of a status.
  package init(_ status: FileStatus) { (device, inode) = (status.device, status.inode) }
}
