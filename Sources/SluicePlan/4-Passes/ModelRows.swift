internal import SluiceStages

/// Rows of a tensor of one model: what passes over whole rows take at once.
struct ModelRows: Sendable {
  let task: TensorTask
  let model: Int
  let rows: Range<Int>

  /// Cuts the tensor of a model into rows.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the model.
  ///   - step: How many rows are taken at once.
  /// - Returns: All of its rows, in order.
  static func all(of task: TensorTask, model: Int, step: Int) -> [ModelRows] {
    stride(from: 0, to: task.rowCount, by: step).map {
      ModelRows(task: task, model: model, rows: $0..<min($0 + step, task.rowCount))
    }
  }

  /// The positions of the elements in the tensor.
  var elements: Range<Int> {
    rows.lowerBound * task.columnCount..<rows.upperBound * task.columnCount
  }

  /// The bytes of weights that are read for them.
  var byteCount: Int {
    task.base.byteCount(ofElements: elements.count)
      + (task.fineTuned[model]?.byteCount(ofElements: elements.count) ?? 0)
  }
}
