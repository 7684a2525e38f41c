package import SluiceKernels

/// Numbers of the rows that a strip touches: as many for each.
package struct RowNumbers: Sendable {
  /// The number of elements in a row.
  package let columnCount: Int
  /// The row of the strip's first element.
  package let firstRow: Int
  /// How many numbers a row has.
  package let width: Int
  /// The numbers of each row from that one on, those of a row side by side.
  package let values: [Double]

  /// Collects numbers.
  package init(columnCount: Int, firstRow: Int, width: Int, values: [Double]) {
    self.columnCount = columnCount
    self.firstRow = firstRow
    self.width = width
    self.values = values
  }

  /// Of no row.
  package static let none = RowNumbers(columnCount: 1, firstRow: 0, width: 0, values: [])

  /// Where the numbers of a row begin.
  func position(ofRow row: Int) -> Int { (row - firstRow) * width }

  /// Divides a run of elements into what lies in one row each.
  ///
  /// - Parameters:
  ///   - first: The position of the first element in the tensor.
  ///   - count: How many elements.
  ///   - body: Takes the row, its first column, and the elements as positions in the run.
  func forEachRow(
    from first: Int, count: Int, _ body: (_ row: Int, _ column: Int, Range<Int>) -> Void
  ) {
    var (row, column) = first.quotientAndRemainder(dividingBy: columnCount)
    var index = 0
    while index < count {
      let end = min(count, index + columnCount - column)
      body(row, column, index..<end)
      index = end
      (row, column) = (row + 1, 0)
    }
  }
}

/// Knows numbers of rows of linear layers.
package protocol RowNumberSource: Sendable {
  /// The numbers of the rows that a strip touches.
  func rowNumbers(of strip: Strip, model: Int) throws -> RowNumbers
}

/// Multiplies what a mask left of each row by the row's factor, in Float32.
///
/// Formula: factor = f * ||d|| / ||k||, d being the row's deltas and k what is kept of them; 1 where nothing
/// is kept. The sums of squares run in Double, element i of the row into sum i modulo 16 of 16; the factor is
/// rounded to Float32 once.
package struct RowScaleStage: DeltaTransform {
  private let factors: any RowNumberSource

  /// Makes the stage.
  package init(_ factors: any RowNumberSource) { self.factors = factors }

  /// The name in recipes.
  package var name: String { "row-rescale" }
  /// Linear layers only.
  package var scope: TransformScope { .linear }

  /// The factor of a row.
  ///
  /// - Parameters:
  ///   - whole: The sum of squares of the row's deltas.
  ///   - kept: That of what is kept of them.
  ///   - factor: What norms are multiplied by.
  /// - Returns: The factor.
  package static func factor(whole: Double, kept: Double, times factor: Double) -> Float {
    kept > 0 ? Float(factor * (whole / kept).squareRoot()) : 1
  }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(factors: factors, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let factors: any RowNumberSource
    private let model: Int
    private let kernels: Kernels
    private var rows = RowNumbers.none

    init(factors: any RowNumberSource, model: Int, kernels: Kernels) {
      self.factors = factors
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) throws {
      rows = try factors.rowNumbers(of: strip, model: model)
    }

    var changesNothing: Bool { rows.values.isEmpty }

    func apply(to tile: DeltaTile) {
      rows.forEachRow(from: tile.firstElement, count: tile.count) { row, _, elements in
        let factor = Float(rows.values[rows.position(ofRow: row)])
        guard factor != 1 else { return }
        // SAFETY: the elements lie in the tile.
        unsafe kernels.scale(
          tile.values + elements.lowerBound, count: elements.count, by: factor)
      }
    }
  }
}
