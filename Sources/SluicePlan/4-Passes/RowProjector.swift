internal import SluiceKernels
internal import SluiceStages

/// Reads rows of layers and projects them on directions, some at a time, in one lane.
///
/// Accuracy: products are those of `Kernels.project` and `Kernels.addGram`, sums Double, row after row.
@safe final class RowProjector {
  private let reader: RowReader
  private let kernels: Kernels
  private let worker: PassWorker
  /// The products of the rows that were projected last, row after row.
  private let products: AlignedBuffer<Double>
  private let ones: AlignedBuffer<Float>

  init(
    _ plan: TensorPlan, tasks: [TensorTask], size: SketchSize, kernels: Kernels,
    worker: PassWorker
  ) {
    self.kernels = kernels
    self.worker = worker
    reader = plan.rowReader(
      elementCount: ModelRows.roomElements(tasks.map(\.columnCount).max() ?? 0), kernels: kernels)
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    products = AlignedBuffer(count: rows * size.mostDirections(tasks), fill: 0)
    ones = AlignedBuffer(count: rows, fill: 1)
  }

  /// The bytes that it holds.
  static func byteCount(_ tasks: [TensorTask], size: SketchSize) -> Int {
    let columns = tasks.map(\.columnCount).max() ?? 0
    let rows = tasks.map { ModelRows.step($0) }.max() ?? 0
    return RowReader.byteCount(elementCount: ModelRows.roomElements(columns))
      + rows * (8 * size.mostDirections(tasks) + 4)
  }

  /// Reads rows of a layer of a model.
  ///
  /// - Parameters:
  ///   - rows: The rows, of those that the base has.
  ///   - task: The layer.
  ///   - model: The model.
  ///   - body: Called with some of them after the other; they are there until the next call.
  /// - Throws: What keeps them from being read, and what the call throws.
  func forEach(
    _ rows: Range<Int>, of task: TensorTask, model: Int, _ body: (Range<Int>) throws -> Void
  ) throws {
    let (columns, step) = (task.columnCount, ModelRows.step(task))
    for first in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let some = first..<min(first + step, rows.upperBound)
      try worker.readPresentDeltas(
        reader, of: task, model: model, some.lowerBound * columns..<some.upperBound * columns)
      try body(some)
    }
  }

  /// Projects the rows that were read last.
  ///
  /// - Parameters:
  ///   - rowCount: How many they are.
  ///   - columns: The numbers of each.
  ///   - panels: The directions, in panels of right factors.
  ///   - width: How many there are.
  func project(_ rowCount: Int, columns: Int, on panels: [Float], width: Int) {
    unsafe panels.withUnsafeBufferPointer { panels in
      guard let panels = panels.baseAddress else { return }
      // SAFETY: the reader's buffer holds all rows, and there is a product for each direction.
      unsafe kernels.project(
        reader.deltas.pointer, rowCount: rowCount, count: columns, on: panels, width: width,
        to: products.pointer)
    }
  }

  /// The product of a row that was projected last with a direction.
  func product(_ row: Int, _ index: Int, width: Int) -> Double {
    precondition((row + 1) * width <= products.count && index < width)
    // SAFETY: as just checked.
    return unsafe products.pointer[row * width + index]
  }

  /// Adds the squares of the products, direction by direction, to numbers from some place on.
  func addSquares(_ rowCount: Int, width: Int, to sums: inout [Double], at start: Int = 0) {
    for row in 0..<rowCount {
      for index in 0..<width {
        let product = product(row, index, width: width)
        sums[start + index] += product * product
      }
    }
  }

  /// Adds the products of directions with each other to a square of numbers from some place on.
  func addGram(_ rowCount: Int, width: Int, to sums: inout [Double], at start: Int) {
    precondition(start + width * width <= sums.count)
    unsafe sums.withUnsafeMutableBufferPointer { sums in
      guard let sums = sums.baseAddress else { return }
      // SAFETY: there is room for the square, as just checked, and a product for each row and direction.
      unsafe kernels.addGram(
        of: products.pointer, width: width, where: ones.pointer, count: rowCount, to: sums + start)
    }
  }
}
