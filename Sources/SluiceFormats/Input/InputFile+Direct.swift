internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
internal import Synchronization

/// A second descriptor of a file, which reads around the page cache.
enum DirectDescriptor {
  case unopened
  case open(Int32)
  /// The file system cannot, or not at such places.
  case refused(Int32?)

  mutating func close() {
    switch self {
    case .open(let descriptor), .refused(.some(let descriptor)): _ = Glibc.close(descriptor)
    case .unopened, .refused(nil): break
    }
    self = .refused(nil)
  }
}

/// Reading around the page cache: the disk writes into the buffer itself.
///
/// What the page cache holds of the file is not used, and nothing is left there.
extension InputFile {
  /// What the address of a buffer must be a multiple of.
  package static let directAlignment = MemoryPage.byteCount
  /// What a buffer must hold beside the range: what lies in front of it and behind it in the same pages.
  package static let directSlack = 2 * directAlignment

  /// Whether the file can be opened for reading around the page cache.
  package var canBeReadDirectly: Bool {
    !readsThroughOthers && byteCount > 0 && directDescriptor() != nil
  }

  /// Reads a range into a buffer, together with what else lies in its pages.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - buffer: Begins on a page and is at least `directSlack` longer than the range.
  /// - Returns: Where in the buffer the range begins; nil if the file cannot be read so: then it is to be read
  ///   in another way.
  /// - Throws: If the read fails or the file ends too early.
  package func readDirectly(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) -> Int? {
    precondition(buffer.count >= range.count + InputFile.directSlack)
    guard !readsThroughOthers, let descriptor = directDescriptor(),
      let memory = buffer.baseAddress
    else { return nil }
    let start = range.lowerBound.roundedDown(to: MemoryPage.byteCount)
    let end = range.upperBound.roundedUp(to: MemoryPage.byteCount)
    var done = start
    while done < range.upperBound {
      // Safety: pages of the range, for which the buffer has room.
      let count = unsafe pread(descriptor, memory + (done - start), end - done, off_t(done))
      if count > 0 {
        done += count
      } else if count == 0 {
        throw .shortRead(path, range: range, found: max(0, done - range.lowerBound))
      } else if errno == EINVAL {
        // Its blocks are larger than a page, or a read ended inside of one.
        refuse()
        return nil
      } else if errno != EINTR {
        throw .read(path, range: range, errno: errno)
      }
    }
    return range.lowerBound - start
  }

  /// Reads a range to see how long that takes: around the page cache if it can be, and leaving nothing there
  /// otherwise.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - buffer: As for `readDirectly`.
  /// - Throws: If the read fails or the file ends too early.
  package func readForTiming(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    guard try unsafe readDirectly(range, into: buffer) == nil else { return }
    let window = try map(range, populate: true, dropsCachedPages: true)
    try window.checkReadable()
    window.release()
  }

  private func directDescriptor() -> Int32? {
    direct.withLock { state in
      switch state {
      case .open(let descriptor): return descriptor
      case .refused: return nil
      case .unopened:
        // The same file, whatever has its name by now.
        // Safety: the name is a C string for the length of the call.
        let descriptor = unsafe Glibc.open(
          "/proc/self/fd/\(descriptor)", O_RDONLY | sluice_direct_open_flag() | O_CLOEXEC)
        state = descriptor < 0 ? .refused(nil) : .open(descriptor)
        return descriptor < 0 ? nil : descriptor
      }
    }
  }

  /// Reads so no more; others may be using the descriptor, so it stays open.
  private func refuse() {
    direct.withLock { state in
      if case .open(let descriptor) = state { state = .refused(descriptor) }
    }
  }
}
