internal import CSluiceSystem
internal import Glibc
internal import SluiceCore
internal import Synchronization

/// The size of a page of memory, the unit of mappings and of transfers around the page cache.
enum MemoryPage {
  static let byteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
}

/// A range of a file's bytes in memory, until it is released.
///
/// Safety: the mapping is read-only and lives exactly from `init` to `release()` or `deinit`,
/// whichever is first; `bytes` traps afterwards. Whoever calls `release()` makes sure that nobody
/// uses the bytes any more. What a file no longer has while it is mapped reads as zeros, and the
/// file remembers that for `InputFile.checkUnchanged()`.
@safe package final class FileWindow: Sendable {
  /// Which bytes of the file these are.
  package let range: Range<Int>

  private let file: InputFile
  private let dropsCachedPages: Bool
  /// The first mapped byte, at or before the range's first, as an address; 0 if nothing is mapped.
  private let mapping: UInt
  private let mappedByteCount: Int
  /// What keeps a page that cannot be read from ending the process.
  private let guardSlot: Int32
  private let isReleased = Atomic<Bool>(false)

  init(
    _ range: Range<Int>, of file: InputFile, populate: Bool, dropsCachedPages: Bool
  ) throws(FormatError) {
    precondition(range.lowerBound >= 0 && range.upperBound <= file.byteCount)
    self.range = range
    self.file = file
    self.dropsCachedPages = dropsCachedPages
    guard !range.isEmpty else {
      mapping = 0
      mappedByteCount = 0
      guardSlot = -1
      return
    }
    if populate { file.willNeed(range) }
    let start = range.lowerBound.roundedDown(to: MemoryPage.byteCount)
    let length = range.upperBound - start
    let flags = MAP_SHARED | (populate ? MAP_POPULATE : 0)
    // Safety: a new mapping at an address of the system's choice touches no other memory.
    let address = unsafe mmap(nil, length, PROT_READ, flags, file.descriptor, off_t(start))
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .map(file.path, range: range, errno: errno)
    }
    mapping = UInt(bitPattern: address)
    mappedByteCount = length
    guardSlot = sluice_guard_mapping(mapping, UInt(length))
  }

  deinit { release() }

  /// The bytes of the range, exactly; gone after `release()`.
  package var bytes: UnsafeRawBufferPointer {
    precondition(!isReleased.load(ordering: .acquiring), "the window was released")
    let lead = range.lowerBound - range.lowerBound.roundedDown(to: MemoryPage.byteCount)
    return unsafe UnsafeRawBufferPointer(
      start: UnsafeRawPointer(bitPattern: mapping).map { unsafe $0 + lead }, count: range.count)
  }

  /// Checks that every page that was looked at so far could be read.
  ///
  /// - Throws: If the file was cut short or its disk failed; such pages read as zeros.
  package func checkReadable() throws(FormatError) {
    guard sluice_guard_failed(guardSlot) != 0 else { return }
    throw .changed(file.path, "a part of it could not be read", range: range)
  }

  /// Unmaps the bytes, and drops them from the page cache if that was asked for; once is enough.
  package func release() {
    guard !isReleased.exchange(true, ordering: .acquiringAndReleasing), mapping != 0 else { return }
    // Before another mapping can take the addresses.
    if sluice_end_guard(guardSlot) != 0 { file.rememberUnreadablePage() }
    // Safety: exactly what `init` mapped, and only once.
    unsafe munmap(UnsafeMutableRawPointer(bitPattern: mapping), mappedByteCount)
    // After unmapping, since a mapped page is not dropped.
    if dropsCachedPages { file.dropCachedPages(in: range) }
  }
}

extension InputFile {
  /// Maps a range of the file into memory.
  ///
  /// - Parameters:
  ///   - range: Which bytes; must lie inside the file.
  ///   - populate: Whether to read them all now, instead of page by page as they are touched.
  ///   - dropsCachedPages: Whether releasing the window also removes its pages from the page cache.
  /// - Returns: The window.
  /// - Throws: If the system cannot map it.
  package func map(
    _ range: Range<Int>, populate: Bool = false, dropsCachedPages: Bool = false
  ) throws(FormatError) -> FileWindow {
    try FileWindow(range, of: self, populate: populate, dropsCachedPages: dropsCachedPages)
  }
}
