internal import Glibc
internal import SluiceCore
internal import SluiceFormats
internal import SluiceStages

/// The cuts of all rows of all linear layers, in a file: 8 bytes for each row, so that what they take
/// of memory does not grow with the model.
final class RowCutStore: RowCutSource, Sendable {
  private let path: String
  private let descriptor: Int32
  private let activations: [VectorFile]
  /// The first row of each task in the file; the rows of its models follow each other.
  private let firstRows: [Int: Int]
  /// The rows of all layers and models.
  let rowCount: Int

  init(
    path: String, tasks: [TensorTask], activations: [VectorFile]
  ) throws(StageError) {
    self.path = path
    self.activations = activations
    var firstRows: [Int: Int] = [:]
    var rowCount = 0
    for task in tasks {
      firstRows[task.ordinal] = rowCount
      rowCount += task.rowCount * activations.count
    }
    self.firstRows = firstRows
    self.rowCount = rowCount
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    if descriptor < 0 { throw .rowFile(path, "create", systemError: errno) }
  }

  deinit { _ = close(descriptor) }

  var byteCount: Int { rowCount * 8 }

  /// The norms of a layer's inputs.
  func norms(of task: TensorTask, model: Int) throws -> [Float] {
    try activations[model].vector(task.name)
  }

  /// Keeps the cuts of rows.
  func put(_ cuts: [RowCut], task: TensorTask, model: Int, firstRow: Int) throws(StageError) {
    let words = cuts.flatMap { [$0.thresholdBits, $0.firstTiedColumn] }
    var done = 0
    while done < words.count * 4 {
      let offset = position(task, model, firstRow) + done
      let count = unsafe words.withUnsafeBytes { bytes in
        unsafe pwrite(
          descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done, off_t(offset))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .rowFile(path, "write", systemError: errno) }
      done += count
    }
  }

  /// The cuts of the rows that a strip touches.
  func rowCuts(of strip: Strip, model: Int) throws -> RowCuts {
    let task = strip.task
    guard !strip.elements.isEmpty else { return RowCuts(norms: [], firstRow: 0, cuts: []) }
    let first = strip.elements.lowerBound / task.columnCount
    let last = (strip.elements.upperBound - 1) / task.columnCount
    var words = [UInt32](repeating: 0, count: (last - first + 1) * 2)
    var done = 0
    while done < words.count * 4 {
      let offset = position(task, model, first) + done
      let count = unsafe words.withUnsafeMutableBytes { bytes in
        unsafe pread(
          descriptor, bytes.baseAddress.map { unsafe $0 + done }, bytes.count - done, off_t(offset))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw StageError.rowFile(path, "read back", systemError: count < 0 ? errno : EIO)
      }
      done += count
    }
    let cuts = stride(from: 0, to: words.count, by: 2).map {
      RowCut(thresholdBits: words[$0], firstTiedColumn: words[$0 + 1])
    }
    return RowCuts(norms: try norms(of: task, model: model), firstRow: first, cuts: cuts)
  }

  private func position(_ task: TensorTask, _ model: Int, _ row: Int) -> Int {
    ((firstRows[task.ordinal] ?? 0) + model * task.rowCount + row) * 8
  }
}

extension StageError {
  fileprivate static func rowFile(
    _ path: String, _ what: String, systemError: Int32
  ) -> StageError {
    StageError(
      Failure(
        .inputOutput, subject: Subject(file: path),
        message: "cannot \(what) the cuts of rows", systemError: systemError))
  }
}
