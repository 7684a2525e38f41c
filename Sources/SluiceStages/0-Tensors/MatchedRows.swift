/// A tensor of a model with its rows in the order of the base's: for each row of the base the model's
/// row of the same token, or the base's own where the model has none, so that its delta is zero.
package final class MatchedRows: Sendable, Hashable {
  /// For each row of the base the model's row, or -1.
  package let rows: [Int32]
  /// The number of elements in a row.
  package let columnCount: Int
  /// The model's tensor as it lies.
  package let own: TensorSource
  /// The base's.
  package let base: TensorSource

  /// Describes matched rows.
  package init(_ rows: [Int32], columnCount: Int, own: TensorSource, base: TensorSource) {
    self.rows = rows
    self.columnCount = columnCount
    self.own = own
    self.base = base
  }

  /// The elements of one run that lie together in one of the two tensors.
  struct Piece: Sendable, Hashable {
    /// The elements, as positions in the base's order.
    let elements: Range<Int>
    /// Where the first lies in the tensor that has them.
    let start: Int
    /// Whether that is the model's tensor.
    let isOwn: Bool
  }

  /// The first piece of a run: as many elements as lie together.
  func piece(of elements: Range<Int>) -> Piece {
    let (first, column) = elements.lowerBound.quotientAndRemainder(dividingBy: columnCount)
    let start = Int(rows[first])
    var row = first + 1
    while row * columnCount < elements.upperBound,
      start < 0 ? rows[row] < 0 : Int(rows[row]) == start + row - first
    { row += 1 }
    let end = min(elements.upperBound, row * columnCount)
    return Piece(
      elements: elements.lowerBound..<end,
      start: start < 0 ? elements.lowerBound : start * columnCount + column, isOwn: start >= 0)
  }

  package static func == (a: MatchedRows, b: MatchedRows) -> Bool {
    a === b
      || (a.rows == b.rows && a.columnCount == b.columnCount && a.own == b.own && a.base == b.base)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(own)
    hasher.combine(base)
  }
}
