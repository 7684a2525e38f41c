internal import CSluiceSystem
internal import SluiceCore

/// Reads of several files around the page cache, at the same time: a disk that is asked for one piece after the
/// other rests in between.
///
/// One thread's. Where the system does not let it, they are read one after the other.
@safe package final class DirectReads {
  @safe private struct Item {
    let file: any ReadableFile
    let range: Range<Int>
    let target: UnsafeMutableRawBufferPointer
    /// Where the range begins in the target, once it was read.
    var start = 0
  }

  private let context = sluice_begin_reads()
  private var items: [Item] = []
  private var calls: [sluice_read] = unsafe []

  /// Makes it, with nothing to read.
  package init() {}

  deinit { sluice_end_reads(context) }

  /// Forgets what was read.
  package func removeAll() {
    items.removeAll(keepingCapacity: true)
    unsafe calls.removeAll(keepingCapacity: true)
  }

  /// Adds a range to what will be read.
  ///
  /// - Parameters:
  ///   - range: Where in the file; not empty.
  ///   - file: The file.
  ///   - target: Begins on a page and has room for all pages of the range.
  /// - Returns: Whether the file can be read so.
  package func add(
    _ range: Range<Int>, of file: any ReadableFile, into target: UnsafeMutableRawBufferPointer
  ) -> Bool {
    guard let descriptor = file.directDescriptor else { return false }
    let start = range.lowerBound.roundedDown(to: MemoryPage.byteCount)
    let end = range.upperBound.roundedUp(to: MemoryPage.byteCount)
    precondition(target.count >= end - start)
    unsafe items.append(Item(file: file, range: range, target: target))
    unsafe calls.append(
      sluice_read(
        descriptor: descriptor, offset: Int64(start), bytes: target.baseAddress,
        byte_count: Int64(end - start), done: 0))
    return true
  }

  /// Reads all that was added.
  ///
  /// - Throws: If a read fails or a file ends too early.
  package func read() throws(FormatError) {
    // Safety: the targets have room for all pages of their ranges, and nobody looks at them before all have ended.
    unsafe calls.withUnsafeMutableBufferPointer { calls in
      unsafe sluice_read_together(context, calls.baseAddress, Int64(calls.count))
    }
    for index in items.indices {
      let item = items[index]
      let start = unsafe Int(calls[index].offset)
      if unsafe start + Int(calls[index].done) >= item.range.upperBound {
        items[index].start = item.range.lowerBound - start
      } else if let start = try unsafe item.file.readDirectly(item.range, into: item.target) {
        items[index].start = start
      } else {
        items[index].start = 0
        try unsafe item.file.read(
          into: UnsafeMutableRawBufferPointer(rebasing: item.target[..<item.range.count]),
          at: item.range.lowerBound)
      }
    }
  }

  /// The bytes of a range that was read.
  ///
  /// - Parameters:
  ///   - range: As it was added.
  ///   - file: The file.
  /// - Returns: The bytes; nil if it was not added.
  package func bytes(_ range: Range<Int>, of file: any ReadableFile) -> UnsafeRawBufferPointer? {
    for item in items where item.range == range && item.file === file {
      // Safety: the range was read into the target from there on.
      return unsafe UnsafeRawBufferPointer(
        rebasing: item.target[item.start..<item.start + range.count])
    }
    return nil
  }
}
