internal import Glibc
internal import SluiceCore

extension InputFile {
  /// The share of a range's pages that lie in the page cache.
  ///
  /// - Parameter range: Where in the file.
  /// - Returns: From 0 to 1; 1 where the system does not say.
  package func cachedShare(of range: Range<Int>) -> Double {
    let start = range.lowerBound.roundedDown(to: MemoryPage.byteCount)
    let length = min(range.upperBound, byteCount) - start
    guard length > 0 else { return 1 }
    // Safety: a new mapping at an address of the system's choice, which nobody looks into.
    let address = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, off_t(start))
    guard let address = unsafe address, unsafe address != MAP_FAILED else { return 1 }
    defer { unsafe munmap(address, length) }
    let pageCount = (length + MemoryPage.byteCount - 1) / MemoryPage.byteCount
    var pages = [UInt8](repeating: 0, count: pageCount)
    // Safety: one byte for each page of the mapping.
    guard unsafe mincore(address, length, &pages) == 0 else { return 1 }
    return Double(pages.count { $0 & 1 == 1 }) / Double(pageCount)
  }
}
