internal import SluiceFormats
internal import SluiceStages

/// What passes found of rows, in a file: as many bytes for each row of each model, so that what they take of
/// memory does not grow with the model.
final class RowStore: Sendable {
  private let file: WorkFile
  private let rowBytes: Int
  /// The first row of each task in the file; the rows of its models follow each other.
  private let firstRows: [Int: Int]
  /// The bytes of all rows of all models.
  let byteCount: Int

  init(_ file: WorkFile, tasks: [TensorTask], modelCount: Int, rowBytes: Int) {
    self.file = file
    self.rowBytes = rowBytes
    var firstRows: [Int: Int] = [:]
    var rowCount = 0
    for task in tasks {
      firstRows[task.ordinal] = rowCount
      rowCount += task.baseRowCount * modelCount
    }
    self.firstRows = firstRows
    byteCount = rowCount * rowBytes
  }

  /// The bytes of a file for tensors.
  static func byteCount(_ tasks: [TensorTask], modelCount: Int, rowBytes: Int) -> Int {
    tasks.reduce(0) { $0 + $1.baseRowCount } * modelCount * rowBytes
  }

  /// Keeps what was found of rows.
  func put<Value: BitwiseCopyable>(
    _ values: [Value], task: TensorTask, model: Int, firstRow: Int
  ) throws {
    try RowStore.put(
      values, in: file, at: range(task: task, model: model, rows: firstRow..<firstRow).lowerBound)
  }

  /// Writes numbers into a file.
  static func put<Value: BitwiseCopyable>(
    _ values: [Value], in file: WorkFile, at position: Int
  ) throws {
    // SAFETY: the bytes are used inside the closure only.
    try unsafe values.withUnsafeBytes { try unsafe file.write($0, at: position) }
  }

  /// What was found of rows.
  func values<Value: BitwiseCopyable>(
    ofRows rows: Range<Int>, task: TensorTask, model: Int, zero: Value
  ) throws -> [Value] {
    let range = range(task: task, model: model, rows: rows)
    return try RowStore.values(in: range, of: file, zero: zero)
  }

  /// Reads numbers from a file.
  static func values<Value: BitwiseCopyable>(
    in range: Range<Int>, of file: WorkFile, zero: Value
  ) throws -> [Value] {
    var values = [Value](repeating: zero, count: range.count / MemoryLayout<Value>.size)
    // SAFETY: as above.
    try unsafe values.withUnsafeMutableBytes {
      try unsafe file.read(into: $0, at: range.lowerBound)
    }
    return values
  }

  /// Where rows lie.
  func range(task: TensorTask, model: Int, rows: Range<Int>) -> Range<Int> {
    let start =
      ((firstRows[task.ordinal] ?? 0) + model * task.baseRowCount + rows.lowerBound) * rowBytes
    return start..<start + rows.count * rowBytes
  }
}

extension TensorTask {
  /// The number of rows that the base has.
  var baseRowCount: Int { columnCount > 0 ? baseElementCount / columnCount : 0 }
}

extension Strip {
  /// The rows that it touches, of those that the base has.
  var rows: Range<Int> {
    let columns = task.columnCount
    guard columns > 0, !elements.isEmpty else { return 0..<0 }
    let (first, end) = (elements.lowerBound / columns, (elements.upperBound - 1) / columns + 1)
    return min(first, task.baseRowCount)..<min(end, task.baseRowCount)
  }

  /// The rows that begin in it, of those that the base has.
  var begunRows: Range<Int> {
    let columns = task.columnCount
    guard columns > 0 else { return 0..<0 }
    func begun(before element: Int) -> Int {
      min((element + columns - 1) / columns, task.baseRowCount)
    }
    return begun(before: elements.lowerBound)..<begun(before: elements.upperBound)
  }
}
