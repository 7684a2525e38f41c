internal import SluiceCore
internal import SluiceFormats
internal import SluiceKernels
internal import Synchronization

/// Rows that are matched by token, and rows that are made for tokens that a model lacks.
extension NumberReader {
  /// How many elements are gathered at once for the mean of all rows.
  private static let gatheredElementCount = 1 << 14

  /// Reads a run of elements of matched rows.
  func read(
    _ elements: Range<Int>, ofRows matched: MatchedRows, into target: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    var rest = elements
    while !rest.isEmpty {
      let piece = matched.piece(of: rest)
      // SAFETY: the caller's target has room for all elements, and a piece is some of them.
      let place = unsafe target + (piece.elements.lowerBound - elements.lowerBound)
      let count = piece.elements.count
      switch piece.place {
      case .own(let start):
        try unsafe read(start..<start + count, of: matched.own, into: place)
      case .base(let start):
        try unsafe read(start..<start + count, of: matched.base, into: place)
      case .made(let number, let column):
        try unsafe make(number, column..<column + count, of: matched, into: place)
      }
      rest = piece.elements.upperBound..<elements.upperBound
    }
  }

  /// Makes some columns of a row.
  private func make(
    _ number: Int, _ columns: Range<Int>, of matched: MatchedRows,
    into target: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    guard let made = matched.made else { preconditionFailure("a row that nobody makes") }
    switch made.rows[number] {
    case .zero: unsafe target.update(repeating: 0, count: columns.count)
    case .copy(let place): try unsafe read(columns, ofRow: place, made, matched, into: target)
    case .mean(let places):
      let kernels = Kernels.best
      let term = AlignedBuffer<Float>(count: columns.count, fill: 0)
      for (position, place) in places.enumerated() {
        // SAFETY: both hold a number for each of the columns.
        let own = unsafe position == 0 ? target : term.pointer
        try unsafe read(columns, ofRow: place, made, matched, into: own)
        unsafe kernels.take(
          .round, own, nil, into: own, count: columns.count, roundedTo: made.working)
        guard position > 0 else { continue }
        unsafe kernels.take(
          .add, target, own, into: target, count: columns.count, roundedTo: made.working)
      }
      unsafe kernels.take(
        .divide, target, nil, number: Float(places.count), into: target, count: columns.count,
        roundedTo: made.working)
    case .filling:
      let mean = try matched.mean.withLock { mean throws(FormatError) in
        if let mean { return mean }
        let found = try self.mean(of: matched, made)
        mean = found
        return found
      }
      for (offset, column) in columns.enumerated() { unsafe target[offset] = mean[column] }
    }
  }

  private func read(
    _ columns: Range<Int>, ofRow place: MadeRows.Place, _ made: MadeRows, _ matched: MatchedRows,
    into target: UnsafeMutablePointer<Float>
  ) throws(FormatError) {
    let start = Int(place.row) * matched.columnCount
    try unsafe read(
      start + columns.lowerBound..<start + columns.upperBound, of: made.sources[place.source],
      into: target)
  }

  /// The mean of the rows of tokens, rounded to the working type before they are added up in Double, in order.
  private func mean(of matched: MatchedRows, _ made: MadeRows) throws(FormatError) -> [Float] {
    let columnCount = matched.columnCount
    let isFilling = made.rows.map { $0 == .filling }
    let rowCount = matched.rows.prefix { row in row >= -1 || !isFilling[Int(-2 - row)] }.count
    let step = max(1, NumberReader.gatheredElementCount / columnCount)
    let buffer = AlignedBuffer<Float>(count: step * columnCount, fill: 0)
    var sums = [Double](repeating: 0, count: columnCount)
    for first in stride(from: 0, to: rowCount, by: step) {
      let end = min(first + step, rowCount)
      let count = (end - first) * columnCount
      // SAFETY: the buffer holds the rows of one step.
      try unsafe read(
        first * columnCount..<end * columnCount, ofRows: matched, into: buffer.pointer)
      unsafe Kernels.best.take(
        .round, buffer.pointer, nil, into: buffer.pointer, count: count, roundedTo: made.working)
      for index in 0..<count {
        unsafe sums[index % columnCount] += Double(buffer.pointer[index])
      }
    }
    let mean = AlignedBuffer<Float>(count: columnCount, fill: 0)
    for column in 0..<columnCount {
      unsafe mean.pointer[column] = Float(sums[column] / Double(max(rowCount, 1)))
    }
    unsafe Kernels.best.take(
      .round, mean.pointer, nil, into: mean.pointer, count: columnCount, roundedTo: made.working)
    return (0..<columnCount).map { unsafe mean.pointer[$0] }
  }
}
