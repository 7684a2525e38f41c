internal import Glibc
package import SluiceFormats
internal import Synchronization

/// Counts the calls that change what a disk holds below a directory, and makes them fail from a
/// certain one on: a full or broken disk, a sudden end, or a loss of power.
package final class FailingDisk: FileCallObserver {
  /// What happens at the call.
  package enum Event: Sendable, Hashable {
    /// This one call fails with an errno value; a write leaves a part of its bytes.
    case fault(Int32)
    /// This call and all later ones fail, as if the process had been killed before it.
    case kill
  }

  private struct State {
    var callCount = 0
    var hasStruck = false
    var isDead = false
    var calls: [FileCall] = []
    /// What was written and not yet waited for, by file.
    var unsafeRanges: [String: [Range<Int>]] = [:]
    /// What a sync that is under way will make safe.
    var inSync: [String: Int] = [:]
  }

  private let directory: String
  private let event: Event?
  private let isDue: @Sendable (FileCall, Int) -> Bool
  private let state = Mutex(State())

  /// Begins to observe.
  ///
  /// - Parameters:
  ///   - directory: Where.
  ///   - event: What happens; nil only counts.
  ///   - position: At which call, counted from 0.
  package convenience init(under directory: String, _ event: Event? = nil, at position: Int = 0) {
    self.init(under: directory, event) { _, count in count == position }
  }

  /// Begins to observe.
  ///
  /// - Parameters:
  ///   - directory: Where.
  ///   - event: What happens.
  ///   - position: At which write to such a file, counted from 0.
  ///   - suffix: How the file's path ends.
  package convenience init(
    under directory: String, _ event: Event, atWrite position: Int, to suffix: String
  ) {
    let writes = Atomic(0)
    self.init(under: directory, event) { call, _ in
      guard call.kind == .write, call.path.hasSuffix(suffix) else { return false }
      return writes.add(1, ordering: .relaxed).oldValue == position
    }
  }

  /// Begins to observe.
  ///
  /// - Parameters:
  ///   - directory: Where.
  ///   - event: What happens, once; nil only counts.
  ///   - isDue: Whether it happens at a call, given its number counted from 0.
  package init(
    under directory: String, _ event: Event?,
    when isDue: @escaping @Sendable (FileCall, Int) -> Bool
  ) {
    self.directory = directory
    self.event = event
    self.isDue = isDue
    FileCalls.observe(under: directory, by: self)
  }

  /// Ends the observation: from now on the disk works.
  package func end() { FileCalls.endObservation(under: directory) }

  /// The calls so far.
  package var calls: [FileCall] { state.withLock { $0.calls } }

  /// Whether the event has happened.
  package var hasStruck: Bool { state.withLock { $0.hasStruck } }

  package func fault(in call: FileCall) -> FileFault? {
    state.withLock { state in
      defer {
        state.callCount += 1
        state.calls.append(call)
      }
      if state.isDead { return FileFault(EIO) }
      if call.kind == .sync { state.inSync[call.path] = state.unsafeRanges[call.path]?.count ?? 0 }
      guard let event, !state.hasStruck, isDue(call, state.callCount) else { return nil }
      state.hasStruck = true
      // Half of what is to be written arrives.
      let half = call.range.count / 2
      switch event {
      case .fault(let number): return FileFault(number, writtenByteCount: half)
      case .kill:
        state.isDead = true
        return FileFault(EIO, writtenByteCount: half)
      }
    }
  }

  package func didSucceed(_ call: FileCall) {
    state.withLock { state in
      switch call.kind {
      case .write: state.unsafeRanges[call.path, default: []].append(call.range)
      case .sync:
        // Two processes may wait for one file at the same time.
        let safe = min(state.inSync[call.path] ?? 0, state.unsafeRanges[call.path]?.count ?? 0)
        state.unsafeRanges[call.path]?.removeFirst(safe)
      case .remove: state.unsafeRanges[call.path] = nil
      default: break
      }
    }
  }

  /// Damages what was written and not waited for, as a loss of power may do.
  ///
  /// Any part of it is something else afterwards; a file that grew by it may be shorter. Shards do
  /// not grow: their length is reserved and waited for with the first of their strips.
  ///
  /// - Parameter generator: Decides what is lost.
  package func losePower(using generator: inout some RandomNumberGenerator) {
    for (path, ranges) in state.withLock({ $0.unsafeRanges }).sorted(by: { $0.key < $1.key }) {
      let file = open(path, O_RDWR)
      guard file >= 0 else { continue }
      defer { close(file) }
      for range in ranges where Bool.random(using: &generator) {
        let start = Int.random(in: range, using: &generator)
        let garbage = [UInt8](repeating: 0xA5, count: range.upperBound - start)
        _ = garbage.withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, off_t(start)) }
        let size = lseek(file, 0, SEEK_END)
        let grows = !path.hasSuffix(".safetensors")
        if grows, size == range.upperBound, Bool.random(using: &generator) {
          _ = ftruncate(file, off_t(Int.random(in: range, using: &generator)))
        }
      }
    }
  }
}
