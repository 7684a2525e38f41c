internal import SluiceRecipe
internal import SluiceFormats
internal import SluiceStages

/// The cuts of all rows of all linear layers, in a file: 8 bytes for each row, so that what they take
/// of memory does not grow with the model.
final class RowCutStore: RowCutSource, Sendable {
  private let file: WorkFile
  private let activations: [VectorFile]
  /// The first row of each task in the file; the rows of its models follow each other.
  private let firstRows: [Int: Int]
  /// The rows of all layers and models.
  let rowCount: Int

  init(
    _ file: WorkFile, tasks: [TensorTask], activations: [VectorFile]
  ) {
    self.activations = activations
    var firstRows: [Int: Int] = [:]
    var rowCount = 0
    for task in tasks {
      firstRows[task.ordinal] = rowCount
      rowCount += task.rowCount * activations.count
    }
    self.firstRows = firstRows
    self.rowCount = rowCount
    self.file = file
  }

  var byteCount: Int { rowCount * 8 }

  /// The norms of a layer's inputs.
  func norms(of task: TensorTask, model: Int) throws -> [Float] {
    try activations[model].vector(task.name)
  }

  /// Keeps the cuts of rows.
  func put(_ cuts: [RowCut], task: TensorTask, model: Int, firstRow: Int) throws {
    let words = cuts.flatMap { [$0.thresholdBits, $0.firstTiedColumn] }
    // SAFETY: the words are used inside the closure only.
    try unsafe words.withUnsafeBytes {
      try unsafe file.write($0, at: position(task, model, firstRow))
    }
  }

  /// The cuts of the rows that a strip touches.
  func rowCuts(of strip: Strip, model: Int) throws -> RowCuts {
    let task = strip.task
    guard !strip.elements.isEmpty else { return RowCuts(norms: [], firstRow: 0, cuts: []) }
    let first = strip.elements.lowerBound / task.columnCount
    let last = (strip.elements.upperBound - 1) / task.columnCount
    var words = [UInt32](repeating: 0, count: (last - first + 1) * 2)
    // SAFETY: as above.
    try unsafe words.withUnsafeMutableBytes {
      try unsafe file.read(into: $0, at: position(task, model, first))
    }
    let cuts = stride(from: 0, to: words.count, by: 2).map {
      RowCut(thresholdBits: words[$0], firstTiedColumn: words[$0 + 1])
    }
    return RowCuts(norms: try norms(of: task, model: model), firstRow: first, cuts: cuts)
  }

  /// Where the cuts of rows lie.
  func range(task: TensorTask, model: Int, rows: Range<Int>) -> Range<Int> {
    let start = position(task, model, rows.lowerBound)
    return start..<start + rows.count * 8
  }

  private func position(_ task: TensorTask, _ model: Int, _ row: Int) -> Int {
    ((firstRows[task.ordinal] ?? 0) + model * task.rowCount + row) * 8
  }
}
