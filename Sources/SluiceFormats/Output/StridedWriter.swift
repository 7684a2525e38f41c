internal import Synchronization

/// Writes elements of a strided view to their places: the counterpart of `StridedReader`.
///
/// What is written is cut into boxes of whole rows, and pieces of rows before and after. A box is turned
/// around a few columns at a time, and each column is written as one line. Where other elements lie
/// between those of a line, the line is read, filled in and written, while nobody else does that to it.
struct StridedWriter {
  /// The size of the scratch buffer.
  static let scratchByteCount = linesByteCount + widestLine
  private static let linesByteCount = pitch * mostColumns
  /// From one line to the next: no power of two, for which all lines would share few places of a cache.
  private static let pitch = (1 << 13) + 64
  /// The longest line with what lies between its elements.
  private static let widestLine = 1 << 16
  /// The most columns that are turned around together: a cache line of 16-bit numbers.
  private static let mostColumns = 32
  /// The distance of neighbours from which on each is written by itself.
  private static let widestGap = 512

  private let file: OutputFile
  private let start: Int
  private let width: Int
  private let rowCount: Int
  private let columnCount: Int
  private let rowStep: Int
  private let columnStep: Int

  /// Prepares to write.
  init(_ file: OutputFile, _ view: StridedView, start: Int, width: Int) {
    precondition(view.extents.count <= 2, "layers are matrices")
    self.file = file
    self.start = start
    self.width = width
    (rowCount, rowStep) = (view.extents[0], view.strides[0])
    columnCount = view.extents.count > 1 ? view.extents[1] : 1
    columnStep = view.extents.count > 1 ? view.strides[1] : 0
  }

  /// Writes a run of elements.
  ///
  /// - Parameters:
  ///   - bytes: The elements, one after the other.
  ///   - firstElement: The position of the first in the order of the view.
  /// - Throws: If the disk is full or reports an error.
  func write(
    _ bytes: UnsafeRawBufferPointer, firstElement: Int
  ) throws(FormatError) {
    let count = bytes.count / width
    precondition(bytes.count == count * width && firstElement + count <= rowCount * columnCount)
    guard let from = bytes.baseAddress else { return }
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: StridedWriter.scratchByteCount, alignment: 64)
    // Safety: freed once, after the last use.
    defer { unsafe scratch.deallocate() }
    let isApart = rowStep * width > StridedWriter.widestGap
    let pitch = StridedWriter.pitch
    let mostRows =
      isApart ? 1 : max(1, min(pitch / width, StridedWriter.widestLine / (rowStep * width)))
    var position = firstElement
    let end = firstElement + count
    while position < end {
      let (row, column) = position.quotientAndRemainder(dividingBy: columnCount)
      let isWhole = column == 0 && end - position >= columnCount
      let rows = isWhole ? min((end - position) / columnCount, mostRows) : 1
      let last = isWhole ? columnCount : min(columnCount, column + end - position)
      for first in stride(from: column, to: last, by: StridedWriter.mostColumns) {
        let lines = min(StridedWriter.mostColumns, last - first)
        let offset = position - firstElement + first - column
        // Safety: the box lies inside the run, and its lines inside the scratch buffer.
        try unsafe writeLines(
          from + offset * width, lines: lines, rows: rows, at: row * rowStep + first * columnStep,
          scratch, pitch: pitch)
      }
      position += isWhole ? rows * columnCount : last - column
    }
  }

  /// Writes some columns of a box, each as a line.
  private func writeLines(
    _ source: UnsafeRawPointer, lines: Int, rows: Int, at offset: Int,
    _ scratch: UnsafeMutableRawBufferPointer, pitch: Int
  ) throws(FormatError) {
    unsafe turn(source, lines: lines, rows: rows, scratch, pitch: pitch)
    for index in 0..<lines {
      // Safety: there are no more lines than the scratch buffer holds at this pitch.
      let line = unsafe UnsafeMutableRawBufferPointer(
        rebasing: scratch[index * pitch..<index * pitch + rows * width])
      let column = offset + index * columnStep
      let place = start + column * width
      guard rows > 1, rowStep > 1 else {
        try unsafe file.writeBuffered(UnsafeRawBufferPointer(line), at: place)
        continue
      }
      // Layers that take turns begin next to each other, so lines of one place have one number in both.
      let number = columnStep > 0 ? column / columnStep : 0
      let result = file.mixing.lock(of: number).withLock {
        Result { () throws(FormatError) in
          try unsafe fillIn(
            UnsafeRawBufferPointer(line), at: place,
            UnsafeMutableRawBufferPointer(
              rebasing: scratch[StridedWriter.linesByteCount...]))
        }
      }
      try result.get()
    }
  }

  /// Writes the elements of a line between those that are there.
  private func fillIn(
    _ line: UnsafeRawBufferPointer, at place: Int, _ room: UnsafeMutableRawBufferPointer
  ) throws(FormatError) {
    let count = line.count / width
    // Safety: a line with what lies between its elements is not longer than the room.
    let whole = unsafe UnsafeMutableRawBufferPointer(
      rebasing: room[..<((count - 1) * rowStep * width + width)])
    try unsafe file.read(into: whole, at: place)
    switch width {
    case 1: unsafe spread(line, whole, as: UInt8.self)
    case 2: unsafe spread(line, whole, as: UInt16.self)
    case 4: unsafe spread(line, whole, as: UInt32.self)
    default: unsafe spread(line, whole, as: UInt64.self)
    }
    try unsafe file.writeBuffered(UnsafeRawBufferPointer(whole), at: place)
  }

  private func spread<Element: FixedWidthInteger & BitwiseCopyable>(
    _ line: UnsafeRawBufferPointer, _ whole: UnsafeMutableRawBufferPointer, as type: Element.Type
  ) {
    for index in 0..<line.count / width {
      // Safety: both sides hold the elements of the line.
      let element = unsafe line.loadUnaligned(fromByteOffset: index * width, as: type)
      unsafe whole.storeBytes(of: element, toByteOffset: index * rowStep * width, as: type)
    }
  }

  /// Puts the rows of a box into the lines of the scratch buffer.
  private func turn(
    _ source: UnsafeRawPointer, lines: Int, rows: Int, _ scratch: UnsafeMutableRawBufferPointer,
    pitch: Int
  ) {
    switch width {
    case 1: unsafe turn(source, lines, rows, scratch, pitch, as: UInt8.self)
    case 2: unsafe turn(source, lines, rows, scratch, pitch, as: UInt16.self)
    case 4: unsafe turn(source, lines, rows, scratch, pitch, as: UInt32.self)
    default: unsafe turn(source, lines, rows, scratch, pitch, as: UInt64.self)
    }
  }

  private func turn<Element: FixedWidthInteger & BitwiseCopyable>(
    _ source: UnsafeRawPointer, _ lines: Int, _ rows: Int,
    _ scratch: UnsafeMutableRawBufferPointer, _ pitch: Int, as type: Element.Type
  ) {
    let (from, to) = (columnCount * width, width)
    for row in 0..<rows {
      for index in 0..<lines {
        // Safety: both sides are inside the box that the caller cut.
        let element = unsafe source.loadUnaligned(
          fromByteOffset: row * from + index * width, as: type)
        unsafe scratch.storeBytes(of: element, toByteOffset: index * pitch + row * to, as: type)
      }
    }
  }
}

/// Locks of lines that are read, filled in and written: one for each of some lines.
final class MixingLocks: Sendable {
  /// The lock of some lines.
  final class Lock: Sendable {
    private let mutex = Mutex(())

    func withLock(_ body: () -> Result<Void, FormatError>) -> Result<Void, FormatError> {
      mutex.withLock { _ in body() }
    }
  }

  private let locks = (0..<64).map { _ in Lock() }

  /// The lock of the line of a number.
  func lock(of line: Int) -> Lock { locks[line % locks.count] }
}

extension OutputFile {
  /// The bytes that writing a strided view takes.
  package static let stridedScratchByteCount = StridedWriter.scratchByteCount

  /// Writes elements of a strided view; any thread may, as long as no two write the same elements.
  ///
  /// - Parameters:
  ///   - bytes: The elements, in the order of the view.
  ///   - firstElement: The position of the first in that order.
  ///   - view: How the elements lie in the file.
  ///   - width: The bytes of an element.
  ///   - start: Where in the file the view's first element is.
  /// - Throws: If the disk is full or reports an error.
  package func write(
    _ bytes: UnsafeRawBufferPointer, firstElement: Int, of view: StridedView, width: Int,
    at start: Int
  ) throws(FormatError) {
    try unsafe StridedWriter(self, view, start: start, width: width).write(
      bytes, firstElement: firstElement)
  }
}
