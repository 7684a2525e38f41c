internal import Glibc

/// A matrix of Doubles in a file of its own, for matrices that do not fit in memory.
///
/// It lies there row after row; parts are read and written. The file is gone with the matrix.
package final class DiskMatrix {
  /// The number of rows.
  package let rowCount: Int
  /// The number of columns.
  package let columnCount: Int
  private let path: String
  private let descriptor: Int32

  /// Makes a matrix of zeros.
  ///
  /// - Parameters:
  ///   - scratch: Where its file is made.
  ///   - name: What tells it from other matrices there.
  ///   - rowCount: The number of rows.
  ///   - columnCount: The number of columns.
  /// - Throws: `SolverError` if there is no room, or what the scratch space throws.
  package init(
    in scratch: ScratchSpace, _ name: String, rowCount: Int, columnCount: Int
  ) throws {
    path = "\(scratch.path)/\(name)"
    self.rowCount = rowCount
    self.columnCount = columnCount
    descriptor = try scratch.open(name)
    while ftruncate(descriptor, off_t(rowCount * columnCount * 8)) != 0 {
      guard errno == EINTR else {
        throw SolverError.scratch(path, "make room for", systemError: errno)
      }
    }
  }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  /// Reads a part.
  ///
  /// - Parameters:
  ///   - rows: The rows.
  ///   - columns: The columns.
  ///   - target: Receives the part, row after row, without gaps.
  /// - Throws: `SolverError` if it cannot be read.
  package func read(
    _ rows: Range<Int>, _ columns: Range<Int>, into target: UnsafeMutablePointer<Double>
  ) throws(SolverError) {
    for (offset, count, place) in runs(rows, columns) {
      // SAFETY: the caller guarantees room for the part; each run lies inside of it.
      let bytes = unsafe UnsafeMutableRawPointer(target + place)
      try transfer(count * 8, "read back") { done in
        unsafe pread(descriptor, bytes + done, count * 8 - done, off_t(offset * 8 + done))
      }
    }
  }

  /// Writes a part.
  ///
  /// - Parameters:
  ///   - rows: The rows.
  ///   - columns: The columns.
  ///   - source: The part, row after row, without gaps.
  /// - Throws: `SolverError` if it cannot be written.
  package func write(
    _ rows: Range<Int>, _ columns: Range<Int>, from source: UnsafePointer<Double>
  ) throws(SolverError) {
    for (offset, count, place) in runs(rows, columns) {
      // SAFETY: as above.
      let bytes = unsafe UnsafeRawPointer(source + place)
      try transfer(count * 8, "write") { done in
        unsafe pwrite(descriptor, bytes + done, count * 8 - done, off_t(offset * 8 + done))
      }
    }
  }

  /// Calls until all bytes are moved, however many calls that takes.
  private func transfer(
    _ byteCount: Int, _ what: String, _ call: (_ done: Int) -> Int
  ) throws(SolverError) {
    var done = 0
    while done < byteCount {
      let moved = call(done)
      if moved < 0, errno == EINTR { continue }
      guard moved > 0 else { throw .scratch(path, what, systemError: moved < 0 ? errno : EIO) }
      done += moved
    }
  }

  /// The contiguous runs of a part: where in the file, how long, where in memory.
  private func runs(
    _ rows: Range<Int>, _ columns: Range<Int>
  ) -> [(offset: Int, count: Int, place: Int)] {
    precondition(rows.upperBound <= rowCount && columns.upperBound <= columnCount)
    guard !rows.isEmpty, !columns.isEmpty else { return [] }
    if columns.count == columnCount {
      return [(rows.lowerBound * columnCount, rows.count * columnCount, 0)]
    }
    return rows.map { row in
      (
        row * columnCount + columns.lowerBound, columns.count,
        (row - rows.lowerBound) * columns.count
      )
    }
  }
}
