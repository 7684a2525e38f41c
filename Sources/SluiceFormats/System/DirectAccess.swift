internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
internal import Synchronization

/// Reading and writing a file around the page cache, by a second descriptor of it: the disk and the buffer alone.
///
/// What the page cache holds of the file is not used, and nothing is left there.
final class DirectAccess: Sendable {
  private enum State {
    case unopened
    case open(Int32)
    /// The file system cannot, or not at such places. Others may be using the descriptor, so it stays open.
    case refused(Int32?)
  }

  private let isWriting: Bool
  private let state = Mutex(State.unopened)

  init(isWriting: Bool) { self.isWriting = isWriting }

  deinit { close() }

  /// Gives the descriptor back, and takes no other.
  func close() {
    state.withLock { state in
      switch state {
      case .open(let descriptor), .refused(.some(let descriptor)): _ = Glibc.close(descriptor)
      case .unopened, .refused(nil): break
      }
      state = .refused(nil)
    }
  }

  /// Whether a file can be opened so.
  func isPossible(_ descriptor: Int32) -> Bool { directDescriptor(of: descriptor) != nil }

  /// Reads a range into a buffer, together with what else lies in its pages.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - buffer: Begins on a page, and has room for all pages of the range.
  ///   - descriptor: The file.
  ///   - path: Its path, for messages.
  /// - Returns: Where in the buffer the range begins; nil if the file cannot be read so.
  /// - Throws: If the read fails or the file ends too early.
  func read(
    _ range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer, of descriptor: Int32,
    path: String
  ) throws(FormatError) -> Int? {
    let start = range.lowerBound.roundedDown(to: MemoryPage.byteCount)
    let end = range.upperBound.roundedUp(to: MemoryPage.byteCount)
    precondition(buffer.count >= end - start)
    guard let direct = directDescriptor(of: descriptor), let memory = buffer.baseAddress else {
      return nil
    }
    var done = start
    while done < range.upperBound {
      // Safety: pages of the range, for which the buffer has room.
      let count = unsafe pread(direct, memory + (done - start), end - done, off_t(done))
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

  /// Writes whole pages.
  ///
  /// - Parameters:
  ///   - bytes: What to write: begins on a page, and ends on one.
  ///   - offset: Where in the file: where a page begins.
  ///   - descriptor: The file.
  ///   - path: Its path, for messages.
  /// - Returns: Whether it was written; false if the file cannot be written so.
  /// - Throws: If the disk is full or reports an error; a part may have been written.
  func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, of descriptor: Int32, path: String
  ) throws(FormatError) -> Bool {
    guard let direct = directDescriptor(of: descriptor) else { return false }
    let number = unsafe writeFully(direct, bytes, at: offset, path: path)
    switch number {
    case 0: return true
    case EINVAL, EOPNOTSUPP:
      refuse()
      return false
    default: throw .write(path, range: offset..<offset + bytes.count, errno: number)
    }
  }

  /// The descriptor around the page cache, which is opened when it is first asked for; nil if there can be none.
  func directDescriptor(of descriptor: Int32) -> Int32? {
    state.withLock { state in
      switch state {
      case .open(let direct): return direct
      case .refused: return nil
      case .unopened:
        let flag = sluice_direct_open_flag()
        // The same file, whatever has its name by now.
        // Safety: the name is a C string for the length of the call.
        let direct =
          flag == 0
          ? -1
          : unsafe open(
            "/proc/self/fd/\(descriptor)",
            (isWriting ? O_RDWR : O_RDONLY) | flag | O_CLOEXEC)
        state = direct < 0 ? .refused(nil) : .open(direct)
        return direct < 0 ? nil : direct
      }
    }
  }

  private func refuse() {
    state.withLock { state in
      if case .open(let descriptor) = state { state = .refused(descriptor) }
    }
  }
}
