internal import Glibc
internal import SluiceCore

/// Equally large buffers in one mapping of anonymous memory, which takes pages when touched.
@safe final class BufferStorage: @unchecked Sendable {
  // Safe to share: nothing here changes, and who may touch which buffer is the pool's business.
  private let mapping: UnsafeMutableRawPointer
  private let mappedByteCount: Int
  private let first: UnsafeMutableRawPointer
  private let stride: Int
  private let byteCount: Int

  /// Maps the memory, in large pages where that is worth it.
  ///
  /// - Parameters:
  ///   - count: How many buffers.
  ///   - byteCount: The size of each.
  ///   - alignment: What the address of each is a multiple of, a power of two.
  /// - Throws: ``DataflowError`` if the system has no memory left.
  init(count: Int, byteCount: Int, alignment: Int) throws(DataflowError) {
    precondition(count > 0 && byteCount > 0, "a pool has buffers, and they have bytes")
    precondition(alignment > 0 && alignment & (alignment - 1) == 0, "alignment: a power of two")
    let (padded, tooLarge) = byteCount.addingReportingOverflow(alignment - 1)
    let stride = padded.roundedDown(to: alignment)
    let (total, overflow) = stride.multipliedReportingOverflow(by: count)
    let isLarge = total >= BufferStorage.largePageByteCount
    let start = isLarge ? max(alignment, BufferStorage.largePageByteCount) : alignment
    // A mapping begins at a page; a larger alignment needs room to move up.
    let slack = start > BufferStorage.pageByteCount ? start : 0
    let (mapped, overflowOfSlack) = total.addingReportingOverflow(slack)
    guard !tooLarge, !overflow, !overflowOfSlack else {
      throw .buffersNotAllocated(.max, systemError: ENOMEM)
    }
    // Safe: a fresh mapping belongs to nobody else.
    let address = unsafe mmap(
      nil, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .buffersNotAllocated(mapped, systemError: errno)
    }
    unsafe mapping = address
    mappedByteCount = mapped
    unsafe first = address.alignedUp(toMultipleOf: start)
    if isLarge {
      // A disk reads and writes memory page by page: the larger they are, the fewer. Only advice, and
      // only for pages that the buffers fill.
      unsafe madvise(
        first, total.roundedDown(to: BufferStorage.largePageByteCount), MADV_HUGEPAGE)
    }
    self.stride = stride
    self.byteCount = byteCount
  }

  deinit {
    // Safe: every buffer that is out keeps the storage alive, so none is.
    unsafe munmap(mapping, mappedByteCount)
  }

  /// The memory of one buffer.
  ///
  /// - Parameter index: Which.
  /// - Returns: Its bytes, valid as long as the storage lives.
  func bytes(at index: Int) -> UnsafeMutableRawBufferPointer {
    // Safe: `index` is below the count, so the buffer lies inside the mapping.
    unsafe UnsafeMutableRawBufferPointer(start: first + index * stride, count: byteCount)
  }

  /// The size of a page of memory.
  static let pageByteCount = Int(sysconf(Int32(_SC_PAGESIZE)))
  /// The size of a large page, on most processors.
  private static let largePageByteCount = 2 << 20
}
