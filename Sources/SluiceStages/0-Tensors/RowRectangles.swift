/// A run of elements of a matrix, divided into a few rectangles of rows and columns, so that many rows are worked on
/// together.
package enum RowRectangles {
  /// Visits the rectangles: one if the run lies in one row, else up to three, as the ends of the run cut rows.
  ///
  /// - Parameters:
  ///   - elements: The elements, as positions in the matrix; not empty.
  ///   - columnCount: The number of elements in a row.
  ///   - body: Takes the rows, the columns, and the place of the first of both in the run; the same column of the
  ///     next row is `columnCount` elements behind.
  package static func forEach(
    in elements: Range<Int>, columnCount: Int,
    _ body: (_ rows: Range<Int>, _ columns: Range<Int>, _ offset: Int) -> Void
  ) {
    let (first, start) = elements.lowerBound.quotientAndRemainder(dividingBy: columnCount)
    let last = (elements.upperBound - 1) / columnCount
    let end = elements.upperBound - last * columnCount
    func visit(_ rows: Range<Int>, _ columns: Range<Int>) {
      guard !rows.isEmpty, !columns.isEmpty else { return }
      body(
        rows, columns, rows.lowerBound * columnCount + columns.lowerBound - elements.lowerBound)
    }
    guard first < last else { return visit(first..<first + 1, start..<end) }
    let (low, high) = (min(start, end), max(start, end))
    visit(first + 1..<last + 1, 0..<low)
    visit(start < end ? first..<last + 1 : first + 1..<last, low..<high)
    visit(first..<last, high..<columnCount)
  }
}
