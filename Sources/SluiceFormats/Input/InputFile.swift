internal import Glibc
internal import SluiceCore
internal import Synchronization

/// A regular file that is only read; closed when the last reference goes.
///
/// Any number of threads may read and map it at the same time.
package final class InputFile: Sendable {
  /// The path as it was given.
  package let path: String
  /// What the file was when it was opened.
  package let status: FileStatus
  /// The length when it was opened.
  package var byteCount: Int { status.byteCount }

  let descriptor: Int32
  private let hasUnreadablePage = Atomic<Bool>(false)
  private let readAheadOff = Atomic<Bool>(false)
  private let isShared = Atomic<Bool>(false)
  /// What reads the file around the page cache.
  let direct = DirectAccess(isWriting: false)
  private let shared = Mutex<SharedReads?>(nil)

  private init(path: String, status: FileStatus, descriptor: Int32) {
    self.path = path
    self.status = status
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// Opens a file; anything but a regular file is refused, without waiting for a pipe's writer.
  package static func open(_ path: String) throws(FormatError) -> InputFile {
    guard !path.utf8.contains(0) else {
      throw .malformed("a path with a NUL character in it", file: path.printable)
    }
    let descriptor = try openDescriptor(path)
    do throws(FormatError) {
      let status = try FileStatus.of(descriptor: descriptor, path: path)
      guard status.kind == .regularFile else {
        throw FormatError.malformed(
          "expected a regular file, found a \(status.kind.rawValue)", file: path)
      }
      return InputFile(path: path, status: status, descriptor: descriptor)
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Reads a small file whole.
  package static func contents(of path: String, byteLimit: Int) throws(FormatError) -> [UInt8] {
    let file = try open(path)
    guard file.byteCount <= byteLimit else {
      throw .malformed(
        "the file has \(file.byteCount) bytes; at most \(byteLimit) are accepted here", file: path)
    }
    return try file.bytes(in: 0..<file.byteCount)
  }

  /// Fills a buffer from the file.
  ///
  /// - Parameters:
  ///   - buffer: Where to put the bytes; its length is how many are read.
  ///   - offset: Where in the file to start.
  /// - Throws: If the read fails or the file ends too early.
  package func read(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int
  ) throws(FormatError) {
    if readsThroughOthers, let reads = shared.withLock({ $0 }) {
      return try unsafe reads.read(
        descriptor, FileIdentity(status), into: buffer, at: offset, path: path)
    }
    try unsafe readFully(descriptor, into: buffer, at: offset, path: path)
  }

  /// Whether it reads through what others read, too.
  var readsThroughOthers: Bool { isShared.load(ordering: .acquiring) }

  /// From now on reads through what others read, too.
  package func share(_ reads: SharedReads) {
    shared.withLock { $0 = reads }
    isShared.store(true, ordering: .releasing)
  }

  /// Checks that the file is still what it was when it was opened.
  ///
  /// - Throws: If it is longer or shorter, was written to, or could not be read in a mapping.
  package func checkUnchanged() throws(FormatError) {
    let now = try FileStatus.of(descriptor: descriptor, path: path)
    guard now.byteCount == byteCount else {
      throw .changed(path, "it had \(byteCount) bytes and now has \(now.byteCount)")
    }
    guard now.modificationNanoseconds == status.modificationNanoseconds else {
      throw .changed(path, "something wrote to it")
    }
    guard !hasUnreadablePage.load(ordering: .acquiring) else {
      throw .changed(path, "a part of it could not be read")
    }
  }

  func rememberUnreadablePage() { hasUnreadablePage.store(true, ordering: .releasing) }

  /// Asks the system to read what is asked for and nothing beyond it.
  ///
  /// It reads several MiB ahead on some disks. Where the page cache has no room for that in front of
  /// every file, such pages are thrown out before anybody looks at them, and read again.
  package func readNothingAhead() {
    guard posix_fadvise(descriptor, 0, 0, POSIX_FADV_RANDOM) == 0 else { return }
    readAheadOff.store(true, ordering: .releasing)
  }

  /// Whether nothing is read ahead, so that page after page would be read alone if nobody asked for them.
  package var isReadAheadOff: Bool { readAheadOff.load(ordering: .acquiring) }

  /// Asks the system to begin reading a range.
  package func willNeed(_ range: Range<Int>) { askForPages(of: range, of: descriptor) }

  /// Asks the system to forget the cached pages that lie wholly inside a range.
  ///
  /// Only advice: pages that are mapped, dirty or shared with a neighbouring range stay.
  ///
  /// - Parameter range: Where in the file.
  package func dropCachedPages(in range: Range<Int>) {
    dropCachedPagesInside(range, of: descriptor)
  }

  private static func openDescriptor(_ path: String) throws(FormatError) -> Int32 {
    // Safety: the name is a C string for the length of the call.
    let descriptor = callSystem(at: path) {
      unsafe openat($0, $1, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
    }
    if descriptor >= 0 { return descriptor }
    let number = errno
    // A socket cannot even be opened to see what it is.
    if number == ENXIO, let kind = try FileStatus.of(path)?.kind, kind != .regularFile {
      throw .malformed("expected a regular file, found a \(kind.rawValue)", file: path)
    }
    throw .open(path, errno: number)
  }
}

/// Asks the system to begin reading a range into the page cache.
func askForPages(of range: Range<Int>, of descriptor: Int32) {
  posix_fadvise(descriptor, off_t(range.lowerBound), off_t(range.count), POSIX_FADV_WILLNEED)
}

func dropCachedPagesInside(_ range: Range<Int>, of descriptor: Int32) {
  let first = range.lowerBound.roundedUp(to: MemoryPage.byteCount)
  let end = range.upperBound.roundedDown(to: MemoryPage.byteCount)
  if first < end {
    posix_fadvise(descriptor, off_t(first), off_t(end - first), POSIX_FADV_DONTNEED)
  }
}
