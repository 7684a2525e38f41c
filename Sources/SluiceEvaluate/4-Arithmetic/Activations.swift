internal import Glibc
internal import SluiceFormats

/// A matrix of Float32 with a row for each token: in memory, or in a scratch file without a name.
///
/// Safety: the mapping lives from `init` to `deinit`. Lanes share it; no two of them write the same
/// elements, or read what another writes, before they are joined.
@safe package final class Activations: @unchecked Sendable {
  /// The number of rows.
  let rowCount: Int
  /// The number of columns.
  let columnCount: Int
  /// The first element.
  @unsafe let pointer: UnsafeMutablePointer<Float>
  /// Whether the elements are those of a file.
  let isFile: Bool
  private let byteCount: Int

  /// Makes a matrix of zeros.
  ///
  /// - Parameters:
  ///   - rowCount: The number of rows.
  ///   - columnCount: The number of columns.
  ///   - directory: Where its file is made; nil for memory.
  /// - Throws: `FormatError` if there is no room.
  init(rowCount: Int, columnCount: Int, in directory: String?) throws(FormatError) {
    self.rowCount = rowCount
    self.columnCount = columnCount
    isFile = directory != nil
    byteCount = max(rowCount * columnCount * 4, 1)
    var descriptor: Int32 = -1
    let path = directory ?? "memory"
    if let directory {
      descriptor = try ScratchFile.open(in: directory, name: "activations")
      // With blocks behind every page a full disk is an error here, and not a signal later.
      let number = posix_fallocate(descriptor, 0, off_t(byteCount))
      guard number == 0 else {
        close(descriptor)
        throw Activations.noRoom(byteCount, path, number)
      }
    }
    let flags = directory == nil ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED
    // SAFETY: a new mapping at an address of the system's choice touches no other memory.
    let address = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, descriptor, 0)
    let number = errno
    if descriptor >= 0 { close(descriptor) }
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw Activations.noRoom(byteCount, path, number)
    }
    unsafe pointer = unsafe address.bindMemory(to: Float.self, capacity: rowCount * columnCount)
  }

  deinit { _ = unsafe munmap(pointer, byteCount) }

  private static func noRoom(_ byteCount: Int, _ path: String, _ number: Int32) -> FormatError {
    FormatError.scratch(
      "cannot make room for \(byteCount) bytes of activations", file: path, errno: number)
  }

  /// The first element of a row.
  func row(_ index: Int) -> UnsafeMutablePointer<Float> {
    precondition(index >= 0 && index <= rowCount)
    return unsafe pointer + index * columnCount
  }

  /// Lets go of the memory of rows that are in a file.
  func release(_ rows: Range<Int>) {
    guard isFile, !rows.isEmpty else { return }
    let page = 4096
    let start = unsafe UInt(bitPattern: row(rows.lowerBound)) & ~UInt(page - 1)
    let end = unsafe UInt(bitPattern: row(rows.upperBound))
    // SAFETY: what is let go of a shared mapping is read again from its file.
    if let address = unsafe UnsafeMutableRawPointer(bitPattern: start) {
      _ = unsafe madvise(address, Int(end - start), MADV_DONTNEED)
    }
  }
}
