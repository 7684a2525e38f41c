internal import SluiceKernels
internal import SluiceSolvers
internal import SluiceStages

/// Blends rows of a model and finds where they are cut, and what makes up for what that removes, in one lane.
@safe final class JointCutter {
  private let reader: RowReader
  private let size: SketchSize
  private let kernels: Kernels
  private let lane: BlendLane
  private let cutter: BlendCutter
  private let rows: AlignedBuffer<Float>
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
    self.size = size
    self.kernels = kernels
    lane = BlendLane(source, modelCount: size.modelCount, kernels: kernels)
    cutter = BlendCutter(removal, kernels: kernels)
    rows = AlignedBuffer(count: ModelRows.roomElements(columnCount), fill: 0)
    let compensates = size.corrections > 0
    compensation =
      compensates
      ? RowCompensation(
        columnCount: columnCount, rank: size.corrections, ridge: removal.ridge, kernels: kernels)
      : nil
    kept = AlignedBuffer(
      count: compensates ? RowCompensation.rowsAtOnce * columnCount : 0, fill: 0)
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
    guard let compensation else {
      return (0..<job.rows.count).flatMap { row in
        unsafe cutter.restoring(rows.pointer + row * columns, columns).numbers
      }
    }
    let step = RowCompensation.rowsAtOnce
    return stride(from: 0, to: job.rows.count, by: step).flatMap { first in
      unsafe compensated(
        rows.pointer + first * columns, min(step, job.rows.count - first), columns, compensation)
    }
  }

  /// The cuts of some rows, and the weights that make up for what these remove.
  private func compensated(
    _ some: UnsafePointer<Float>, _ count: Int, _ columns: Int, _ compensation: RowCompensation
  ) -> [Double] {
    let width = BlendCut.width + size.corrections
    var numbers = [Double](repeating: 0, count: count * width)
    // SAFETY: there is room for so many rows, and the directions have a row for each of their elements.
    unsafe kept.pointer.update(from: some, count: count * columns)
    for row in 0..<count {
      let cut = unsafe cutter.cut(some + row * columns, columns)
      unsafe cut.apply(
        to: kept.pointer + row * columns, count: columns, column: 0, kernels: kernels)
      numbers.replaceSubrange(row * width..<row * width + BlendCut.width, with: cut.numbers)
    }
    let directions = lane.strongest
    unsafe directions.panels.withUnsafeBufferPointer { panels in
      unsafe byInputs.withUnsafeBufferPointer { matrix in
        unsafe numbers.withUnsafeMutableBufferPointer { numbers in
          guard let panels = panels.baseAddress, let matrix = matrix.baseAddress,
            let numbers = numbers.baseAddress
          else { return }
          unsafe compensation.solve(
            some, kept.pointer, rowCount: count, count: columns, along: panels, matrix,
            width: directions.width, into: numbers + BlendCut.width, stride: width)
        }
      }
    }
    return numbers
  }
}
