internal import SluiceKernels
internal import SluiceStages

/// Rows of a tensor of one model: what passes over whole rows take at once.
struct ModelRows: Sendable {
  let task: TensorTask
  let model: Int
  let rows: Range<Int>

  /// How many elements passes read at once, unless a row has more.
  private static let groupElements = 1 << 18

  /// The elements that there must be room for.
  static func roomElements(_ columns: Int) -> Int { max(groupElements, columns) }

  /// How many rows of a layer are read at once.
  static func step(_ task: TensorTask) -> Int { max(1, groupElements / max(task.columnCount, 1)) }

  /// Cuts the tensor of a model into rows, of those that the base has.
  ///
  /// - Parameters:
  ///   - task: The tensor.
  ///   - model: The position of the model.
  ///   - step: How many rows are taken at once.
  /// - Returns: All of its rows, in order.
  static func all(of task: TensorTask, model: Int, step: Int) -> [ModelRows] {
    stride(from: 0, to: task.baseRowCount, by: step).map {
      ModelRows(task: task, model: model, rows: $0..<min($0 + step, task.baseRowCount))
    }
  }

  /// Cuts what models have of tensors into rows.
  static func all(of tasks: [TensorTask], modelCount: Int) -> [ModelRows] {
    tasks.flatMap { task in
      (0..<modelCount).flatMap { model in
        task.fineTuned[model] == nil ? [] : all(of: task, model: model, step: step(task))
      }
    }
  }

  /// The positions of the elements in the tensor.
  var elements: Range<Int> {
    rows.lowerBound * task.columnCount..<rows.upperBound * task.columnCount
  }

  /// The bytes of weights that are read for them.
  var byteCount: Int { task.byteCount(ofDeltas: elements, model: model) }
}

extension TensorTask {
  /// The bytes of weights that are read for a model's deltas.
  func byteCount(ofDeltas elements: Range<Int>, model: Int) -> Int {
    let present = min(elements.upperBound, fineTunedElementCounts[model]) - elements.lowerBound
    guard fineTuned[model] == nil || present > 0 else { return 0 }
    let count = fineTuned[model] == nil ? elements.count : present
    return base.byteCount(ofElements: count) + (fineTuned[model]?.byteCount(ofElements: count) ?? 0)
  }
}

extension TensorPlan {
  /// What reads rows of the plan's tensors, in one lane.
  func rowReader(elementCount: Int, kernels: Kernels) -> RowReader {
    RowReader(
      elementCount: elementCount, files: files, modelNames: modelNames, kernels: kernels,
      source: deltas)
  }
}

extension PassWorker {
  /// Reads what a model has of some deltas, counts it and moves the progress on, unless the run was cancelled.
  func readPresentDeltas(
    _ reader: RowReader, of task: TensorTask, model: Int, _ elements: Range<Int>
  ) throws {
    try check()
    let byteCount = try reader.readPresentDeltas(of: task, model: model, elements)
    countRead(byteCount)
    advance(by: byteCount)
  }
}

extension PassSizes {
  /// The most rows of a linear layer that a strip touches.
  var mostRowsOfStrip: Int {
    tasks(in: [.linear]).filter { $0.columnCount > 0 }.map {
      min($0.rowCount, stripElements / $0.columnCount + 2)
    }.max() ?? 0
  }
}
