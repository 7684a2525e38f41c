internal import SluiceKernels
internal import SluiceStages

/// The rows of a model that begin in a strip: what passes take at once that look at whole rows before and after
/// a mask.
///
/// A mask goes through a strip in order, so its rows are read from the strip's first element to the end of the
/// last row, which may lie in a later strip.
struct StripRows: Sendable {
  let strip: Strip
  let model: Int

  var task: TensorTask { strip.task }
  /// The rows that begin in the strip.
  var rows: Range<Int> { strip.begunRows }
  /// The elements that are read.
  var elements: Range<Int> {
    strip.elements.lowerBound..<rows.upperBound * task.columnCount
  }
  /// The bytes of weights that are read for them.
  var byteCount: Int { task.byteCount(ofDeltas: elements, model: model) }

  /// All rows of what models have of tensors.
  static func all(
    of tasks: [TensorTask], modelCount: Int, granularity: Granularity
  ) -> [StripRows] {
    tasks.flatMap { task in
      (0..<granularity.stripCount(of: task.elementCount)).flatMap { index in
        let strip = Strip(task, index: index, granularity: granularity)
        return (0..<modelCount).filter { task.fineTuned[$0] != nil && !strip.begunRows.isEmpty }
          .map { StripRows(strip: strip, model: $0) }
      }
    }
  }
}

/// Reads whole rows of a model's deltas, and what a mask keeps of them.
@safe final class MaskedRows {
  private let reader: RowReader
  private let kept: AlignedBuffer<Float>
  private let mask: TransformLanes
  private let tileElements: Int
  private let granularity: Granularity
  private let worker: PassWorker
  /// The strip that the mask is in.
  private var index = -1

  init(
    _ plan: TensorPlan, columnCount: Int, mask: TransformChain, kernels: Kernels,
    worker: PassWorker
  ) {
    let room = ModelRows.roomElements(columnCount)
    reader = plan.rowReader(elementCount: room, kernels: kernels)
    kept = AlignedBuffer(count: room, fill: 0)
    self.mask = TransformLanes(mask, modelCount: plan.modelCount, kernels: kernels)
    tileElements = mask.tileElements
    granularity = plan.granularity
    self.worker = worker
  }

  /// The bytes of the buffers.
  ///
  /// - Parameter columnCount: The most columns of a row.
  /// - Returns: The number of bytes.
  static func byteCount(columnCount: Int) -> Int {
    let room = ModelRows.roomElements(columnCount)
    return RowReader.byteCount(elementCount: room) + room * 4
  }

  /// Visits the rows of a job in order, some at once.
  ///
  /// - Parameters:
  ///   - job: The job.
  ///   - body: Takes rows, their deltas, and what the mask keeps of them.
  /// - Throws: What keeps them from being read, and what `body` throws.
  func forEach(
    _ job: StripRows,
    _ body: (
      _ rows: Range<Int>, _ deltas: UnsafePointer<Float>, _ kept: UnsafePointer<Float>
    ) throws -> Void
  ) throws {
    let (task, columns) = (job.task, job.task.columnCount)
    index = -1
    // What belongs to a row of an earlier strip only passes the mask.
    let before = job.elements.lowerBound..<job.rows.lowerBound * columns
    for start in stride(from: before.lowerBound, to: before.upperBound, by: kept.count) {
      try read(start..<min(start + kept.count, before.upperBound), job)
    }
    let step = ModelRows.step(task)
    for first in stride(from: job.rows.lowerBound, to: job.rows.upperBound, by: step) {
      let rows = first..<min(first + step, job.rows.upperBound)
      try read(rows.lowerBound * columns..<rows.upperBound * columns, job)
      try unsafe body(rows, reader.deltas.pointer, kept.pointer)
    }
  }

  private func read(_ elements: Range<Int>, _ job: StripRows) throws {
    try worker.readPresentDeltas(reader, of: job.task, model: job.model, elements)
    // SAFETY: both buffers hold all elements.
    unsafe kept.pointer.update(from: reader.deltas.pointer, count: elements.count)
    var position = elements.lowerBound
    while position < elements.upperBound {
      let index = position / granularity.stripElements
      let strip = Strip(job.task, index: index, granularity: granularity)
      if index != self.index {
        try mask.begin(strip)
        self.index = index
      }
      let end = min(elements.upperBound, strip.elements.upperBound, position + tileElements)
      try unsafe mask.apply(
        to: kept.pointer + (position - elements.lowerBound), count: end - position,
        firstElement: position, model: job.model)
      position = end
    }
  }
}
