internal import SluiceKernels
internal import SluiceSolvers
internal import SluiceStages

/// Blends rows of a model and finds where they are cut, and what makes up for what that removes, in one lane.
@safe final class JointCutter {
  private let reader: RowReader
  private let removal: Removal
  private let size: SketchSize
  private let kernels: Kernels
  private let lane: BlendLane
  private let selection: RowBandSelection
  private let rows: AlignedBuffer<Float>
  private let squares: SquareSum
  private let compensation: RowCompensation?
  private let kept: AlignedBuffer<Float>
  /// The directions that rows are compensated along, by inputs, and whose they are.
  private var byInputs: [Double] = []
  private var ordinal: Int?

  init(
    _ source: BlendStore, _ reader: RowReader, removal: Removal, columnCount: Int, size: SketchSize,
    kernels: Kernels
  ) {
    self.reader = reader
    self.removal = removal
    self.size = size
    self.kernels = kernels
    lane = BlendLane(source, modelCount: size.modelCount, kernels: kernels)
    squares = SquareSum(kernels)
    selection = RowBandSelection(kernels: kernels)
    rows = AlignedBuffer(count: ModelRows.roomElements(columnCount), fill: 0)
    let compensates = size.corrections > 0
    compensation =
      compensates
      ? RowCompensation(
        columnCount: columnCount, rank: size.corrections, ridge: removal.ridge, kernels: kernels)
      : nil
    kept = AlignedBuffer(count: compensates ? columnCount : 0, fill: 0)
  }

  /// The numbers of each row: those of its cut, and the weights of directions.
  func numbers(_ job: ModelRows) throws -> [Double] {
    let (task, columns) = (job.task, job.task.columnCount)
    try lane.begin(task)
    guard lane.isPresent(job.model) else {
      return [Double](repeating: 0, count: job.rows.count * (BlendCut.width + size.corrections))
    }
    if ordinal != task.ordinal { (ordinal, byInputs) = (task.ordinal, lane.strongest.byInputs) }
    try lane.prepare(job.rows, of: task, model: job.model)
    // SAFETY: both buffers hold all rows.
    unsafe lane.blend(
      reader.deltas.pointer, model: job.model, elements: job.elements, into: rows.pointer)
    return (0..<job.rows.count).flatMap { row in
      unsafe numbers(rows.pointer + row * columns, columns)
    }
  }

  private func numbers(_ row: UnsafeMutablePointer<Float>, _ columns: Int) -> [Double] {
    let cutAt = unsafe selection.cuts(
      row, count: columns, rates: [removal.rate], tieBreak: .index)[0]
    var (column, left) = (0, cutAt.keptOfTied)
    while left > 0, column < columns {
      if unsafe row[column].magnitude.bitPattern == cutAt.thresholdBits { left -= 1 }
      column += 1
    }
    let unscaled = BlendCut(threshold: cutAt.threshold, firstDroppedColumn: column, factor: 1)
    if let compensation {
      return unsafe unscaled.numbers + weights(of: row, columns, unscaled, compensation)
    }
    let whole = unsafe squares.of(row, count: columns)
    unsafe unscaled.apply(to: row, count: columns, column: 0, kernels: kernels)
    let factor = RowScaleStage.factor(
      whole: whole, kept: unsafe squares.of(row, count: columns), times: removal.factor)
    return BlendCut(threshold: cutAt.threshold, firstDroppedColumn: column, factor: factor).numbers
  }

  /// What makes up for what a cut removes of a row.
  private func weights(
    of row: UnsafePointer<Float>, _ columns: Int, _ cut: BlendCut, _ compensation: RowCompensation
  ) -> [Double] {
    // SAFETY: there is room for a row, and the directions have a row for each of its elements.
    unsafe kept.pointer.update(from: row, count: columns)
    unsafe cut.apply(to: kept.pointer, count: columns, column: 0, kernels: kernels)
    var weights = [Double](repeating: 0, count: size.corrections)
    let directions = lane.strongest
    unsafe directions.panels.withUnsafeBufferPointer { panels in
      unsafe byInputs.withUnsafeBufferPointer { matrix in
        unsafe weights.withUnsafeMutableBufferPointer { weights in
          guard let panels = panels.baseAddress, let matrix = matrix.baseAddress,
            let weights = weights.baseAddress
          else { return }
          unsafe compensation.solve(
            row, kept.pointer, count: columns, along: panels, matrix, width: directions.width,
            into: weights)
        }
      }
    }
    return weights
  }
}
