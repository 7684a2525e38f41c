internal import SluiceFormats
internal import SluiceStages

/// Numbers of the rows of linear layers, as many for each, in a file.
final class RowNumberStore: RowNumberSource, Sendable {
  private let rows: RowStore
  private let width: Int

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, width: Int) {
    self.width = width
    rows = RowStore(file, tasks: tasks, modelCount: modelCount, rowBytes: width * 8)
  }

  var byteCount: Int { rows.byteCount }

  /// What a lane of a later pass holds: the numbers of the rows of a strip.
  static func stripBytes(_ sizes: PassSizes, width: Int) -> Int {
    sizes.modelCount * sizes.mostRowsOfStrip * width * 8
  }

  /// Keeps the numbers of rows.
  func put(_ values: [Double], task: TensorTask, model: Int, firstRow: Int) throws {
    try rows.put(values, task: task, model: model, firstRow: firstRow)
  }

  /// Where the numbers of rows lie.
  func range(task: TensorTask, model: Int, rows: Range<Int>) -> Range<Int> {
    self.rows.range(task: task, model: model, rows: rows)
  }

  /// The numbers of the rows that a strip touches; none of what a model does not change.
  func rowNumbers(of strip: Strip, model: Int) throws -> RowNumbers {
    let touched = strip.rows
    guard strip.task.fineTuned[model] != nil, !touched.isEmpty else { return .none }
    return RowNumbers(
      columnCount: strip.task.columnCount, firstRow: touched.lowerBound, width: width,
      values: try rows.values(ofRows: touched, task: strip.task, model: model, zero: Double(0)))
  }
}
