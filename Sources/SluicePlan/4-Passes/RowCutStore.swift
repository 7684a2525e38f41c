internal import SluiceFormats
internal import SluiceRecipe
internal import SluiceStages

/// The cuts of all rows of all linear layers by the products of deltas and norms, in a file: 8 bytes for each
/// row.
final class RowCutStore: RowCutSource, Sendable {
  /// The bytes of the cut of a row.
  static let rowBytes = 8

  private let activations: [VectorFile]
  private let rows: RowStore

  init(_ file: WorkFile, tasks: [TensorTask], activations: [VectorFile]) {
    self.activations = activations
    rows = RowStore(
      file, tasks: tasks, modelCount: activations.count, rowBytes: RowCutStore.rowBytes)
  }

  var byteCount: Int { rows.byteCount }

  /// The norms of a layer's inputs.
  func norms(of task: TensorTask, model: Int) throws -> [Float] {
    try activations[model].vector(task.name)
  }

  /// Keeps the cuts of rows.
  func put(_ cuts: [RowCut], task: TensorTask, model: Int, firstRow: Int) throws {
    try rows.put(
      cuts.flatMap { [$0.thresholdBits, $0.firstTiedColumn] }, task: task, model: model,
      firstRow: firstRow)
  }

  /// The cuts of the rows that a strip touches.
  func rowCuts(of strip: Strip, model: Int) throws -> RowCuts {
    let touched = strip.rows
    guard !touched.isEmpty else { return RowCuts(norms: [], firstRow: 0, cuts: []) }
    let words = try rows.values(
      ofRows: touched, task: strip.task, model: model, zero: UInt32(0))
    let cuts = stride(from: 0, to: words.count, by: 2).map {
      RowCut(thresholdBits: words[$0], firstTiedColumn: words[$0 + 1])
    }
    return RowCuts(
      norms: try norms(of: strip.task, model: model), firstRow: touched.lowerBound, cuts: cuts)
  }

  /// Where the cuts of rows lie.
  func range(task: TensorTask, model: Int, rows: Range<Int>) -> Range<Int> {
    self.rows.range(task: task, model: model, rows: rows)
  }
}
