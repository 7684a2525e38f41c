internal import SluiceFormats
internal import SluiceKernels
internal import SluiceStages

/// Where each partition's rate cuts each row of each linear layer by magnitude, in a file; behind the rows, for
/// each strip that begins inside of one, how many elements at each threshold come before.
final class RowBandStore: RowBandSource, Sendable {
  private let file: WorkFile
  private let rows: RowStore
  private let settings: TensorSettings
  private let stripCount: Int

  init(_ file: WorkFile, tasks: [TensorTask], plan: TensorPlan, settings: TensorSettings) {
    self.file = file
    self.settings = settings
    stripCount = plan.stripCount
    rows = RowStore(
      file, tasks: tasks, modelCount: plan.modelCount,
      rowBytes: RowBandStore.rowBytes(settings.partitionCount))
  }

  /// The bytes of the cuts of a row: for each partition the threshold, how many are tied, and how many of
  /// those are kept.
  static func rowBytes(_ partitionCount: Int) -> Int { partitionCount * 12 }

  /// The bytes of the file.
  static func byteCount(
    _ tasks: [TensorTask], _ plan: TensorPlan, partitionCount: Int
  ) -> Int {
    RowStore.byteCount(
      tasks, modelCount: plan.modelCount, rowBytes: rowBytes(partitionCount))
      + plan.stripCount * plan.modelCount * 4 * partitionCount
  }

  /// Keeps the cuts of rows.
  func put(_ cuts: [[Cut]], task: TensorTask, model: Int, firstRow: Int) throws {
    let words = cuts.flatMap { row in
      (0..<settings.partitionCount).flatMap { partition -> [UInt32] in
        guard partition < row.count else { return [0, 0, 0] }
        let cut = row[partition]
        return [cut.thresholdBits, UInt32(cut.tied), UInt32(cut.keptOfTied)]
      }
    }
    try rows.put(words, task: task, model: model, firstRow: firstRow)
  }

  /// Keeps how many elements at the thresholds of its first row come before a strip.
  func put(tiesBefore: [Int], strip: Int, model: Int) throws {
    let words = (0..<settings.partitionCount).map {
      $0 < tiesBefore.count ? UInt32(tiesBefore[$0]) : 0
    }
    // SAFETY: the bytes are used inside the closure only.
    try unsafe words.withUnsafeBytes {
      try unsafe file.write($0, at: tieRange(strips: strip..<strip + 1, model: model).lowerBound)
    }
  }

  /// The cuts of the rows that a strip touches.
  func rowBands(of strip: Strip, model: Int) throws -> RowBands {
    let (task, touched) = (strip.task, strip.rows)
    let count = settings.partitionRates(of: task, model: model).count
    guard !touched.isEmpty, task.fineTuned[model] != nil else {
      // There is nothing to keep of what a model does not change.
      return RowBands(
        columnCount: max(task.columnCount, 1), firstRow: touched.lowerBound,
        partitionCount: count, cuts: Array(repeating: .none, count: count * touched.count),
        tiesBefore: Array(repeating: 0, count: count))
    }
    let words = try rows.values(ofRows: touched, task: task, model: model, zero: UInt32(0))
    let width = 3 * settings.partitionCount
    let cuts = touched.indices.flatMap { row in
      (0..<count).map { partition in
        let first = (row - touched.lowerBound) * width + 3 * partition
        return Cut(
          thresholdBits: words[first], above: 0, tied: Int(words[first + 1]),
          keptOfTied: Int(words[first + 2]))
      }
    }
    var tiesBefore = [Int](repeating: 0, count: count)
    if strip.elements.lowerBound % task.columnCount != 0 {
      let words = try RowStore.values(
        in: tieRange(strips: strip.ordinal..<strip.ordinal + 1, model: model), of: file,
        zero: UInt32(0))
      for partition in 0..<count { tiesBefore[partition] = Int(words[partition]) }
    }
    return RowBands(
      columnCount: task.columnCount, firstRow: touched.lowerBound, partitionCount: count,
      cuts: cuts, tiesBefore: tiesBefore)
  }

  /// Where the cuts of rows lie.
  func range(task: TensorTask, model: Int, rows: Range<Int>) -> Range<Int> {
    self.rows.range(task: task, model: model, rows: rows)
  }

  /// Where the ties before strips lie.
  func tieRange(strips: Range<Int>, model: Int) -> Range<Int> {
    let width = 4 * settings.partitionCount
    let start = rows.byteCount + (model * stripCount + strips.lowerBound) * width
    return start..<start + strips.count * width
  }
}
