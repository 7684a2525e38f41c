internal import SluiceKernels

/// The cosines of the columns of two inputs, as `RowCosineRule` finds them of rows, from all rows of a tensor in
/// two rounds: lengths, then products.
///
/// Sums are in Double, from the first row to the last.
package final class ColumnCosineRule {
  /// How often all rows are looked at.
  package static let roundCount = 2

  private let positions: [Int]
  private let squares: [AlignedBuffer<Double>]
  private let lengths: [AlignedBuffer<Float>]
  private let products: AlignedBuffer<Double>

  /// Makes room for the columns of the widest tensor.
  package init(_ setup: StepSetup, columnCount: Int) {
    positions = setup.others
    squares = positions.map { _ in AlignedBuffer(count: columnCount, fill: 0) }
    lengths = positions.map { _ in AlignedBuffer(count: columnCount, fill: 0) }
    products = AlignedBuffer(count: columnCount, fill: 0)
  }

  /// The bytes that it holds.
  package static func byteCount(columnCount: Int) -> Int { columnCount * (2 * 12 + 8) }

  /// Begins with a tensor.
  package func begin() {
    for sums in squares { sums.fill(0) }
    products.fill(0)
  }

  /// Looks at a part of a row.
  ///
  /// - Parameters:
  ///   - piece: The part; the base is taken off already if there is one.
  ///   - column: The column that it begins at.
  ///   - round: The number of the round, from 0.
  ///   - steps: What rounds to the tensor's working type.
  package func add(_ piece: StepTile, column: Int, round: Int, _ steps: StepArithmetic) {
    let count = piece.count
    precondition(column + count <= products.count)
    // SAFETY: pieces hold their elements, and the sums those of all columns.
    guard round > 0 else {
      for (place, position) in positions.enumerated() {
        let own = piece.input(position)
        for index in 0..<count {
          let value = unsafe Double(own.pointer[index])
          unsafe squares[place].pointer[column + index] += value * value
        }
      }
      return
    }
    for (place, position) in positions.enumerated() {
      let length = unsafe StepRow(lengths[place].pointer + column)
      steps.take(.divide, piece.input(position), length, into: steps.row(place), count: count)
    }
    steps.take(.multiply, steps.row(0), steps.row(1), into: steps.row(0), count: count)
    for index in 0..<count {
      unsafe products.pointer[column + index] += Double(steps.row(0).pointer[index])
    }
  }

  /// Finds the lengths of the first columns, when the first round is over.
  package func findLengths(_ columns: Int, _ steps: StepArithmetic) {
    let least = steps.rounded(1e-7)
    for place in positions.indices {
      for column in 0..<columns {
        // SAFETY: as above.
        unsafe lengths[place].pointer[column] = max(
          steps.rounded(squares[place].pointer[column].squareRoot()), least)
      }
    }
  }

  /// The cosines of the first columns, before they are rounded to the working type.
  package func cosines(_ columns: Int) -> [Float] {
    // SAFETY: as above.
    (0..<columns).map { unsafe Float(products.pointer[$0]) }
  }
}

/// What two models are multiplied by in each column, and what their sum is divided by.
package final class ColumnFactors {
  private var buffers: [AlignedBuffer<Float>] = []
  private var columnCount = 0

  /// Makes room when it is needed.
  package init() {}

  /// Looks the numbers of a tensor's columns up.
  ///
  /// - Parameters:
  ///   - columns: The number of columns.
  ///   - numbers: The two factors and the divisor of a column.
  package func set(_ columns: Int, _ numbers: (Int) throws -> (Float, Float, Float)) rethrows {
    if columns > columnCount {
      buffers = (0..<3).map { _ in AlignedBuffer(count: columns, fill: 1) }
      columnCount = columns
    }
    for column in 0..<columns {
      let (first, second, divisor) = try numbers(column)
      // SAFETY: each buffer holds a number for each column.
      unsafe buffers[0].pointer[column] = first
      unsafe buffers[1].pointer[column] = second
      unsafe buffers[2].pointer[column] = divisor
    }
  }

  /// The numbers of one kind from a column on: a factor, or, at 2, the divisor.
  package func row(_ kind: Int, from column: Int) -> StepRow {
    precondition(column < columnCount)
    // SAFETY: parts of rows end at the last column.
    return unsafe StepRow(buffers[kind].pointer + column)
  }
}
