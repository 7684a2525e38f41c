internal import Glibc

/// Memory for kernels: zero-cost indexing through a pointer, aligned for the widest vector, freed
/// with its owner.
@safe package final class AlignedBuffer<Element: BitwiseCopyable> {
  /// The first element.
  @unsafe package let pointer: UnsafeMutablePointer<Element>
  /// How many elements there are.
  package let count: Int

  /// Allocates and fills.
  ///
  /// - Parameters:
  ///   - count: How many elements.
  ///   - fill: The value of each.
  package init(count: Int, fill: Element) {
    // SAFETY: allocated here with room for `count` elements, and freed in deinit only.
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: Swift.max(count, 1) * MemoryLayout<Element>.stride, alignment: 64)
    unsafe self.pointer = unsafe raw.bindMemory(to: Element.self, capacity: count)
    self.count = count
    self.fill(fill)
  }

  deinit { unsafe pointer.deallocate() }

  /// Sets the bytes of elements to zero.
  package func clear(_ elements: Range<Int>) {
    precondition(elements.lowerBound >= 0 && elements.upperBound <= count)
    // SAFETY: the memory has room for these elements, of a trivial type.
    _ = unsafe memset(
      pointer + elements.lowerBound, 0, elements.count * MemoryLayout<Element>.stride)
  }

  /// Overwrites every element.
  ///
  /// - Parameter value: The value to write.
  package func fill(_ value: Element) {
    let isZero = unsafe withUnsafeBytes(of: value) { unsafe $0.allSatisfy { $0 == 0 } }
    // Also where nothing is optimised, as in tests, for which large tables are filled again and again.
    if isZero {
      clear(0..<count)
    } else {
      unsafe pointer.update(repeating: value, count: count)
    }
  }
}
